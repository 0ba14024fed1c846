// @vitest-environment jsdom
import { act, type PointerEvent } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";

import { EMPTY } from "../../composition/defaults";
import { tile } from "../../shared/fixtures";
import { ComposerContext, type Composer } from "../context";
import { resting } from "../fixtures";
import { MOVE } from "./dragging";
import { useTileDrag, type TileDragging } from "./useTileDrag";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const ADA = tile("ada");
const CANVAS = { w: 1920, h: 1080 };

function rendered() {
  const editor = resting(EMPTY);
  let newest: TileDragging | null = null;
  function Held() {
    const dragging = useTileDrag(CANVAS, 1, [ADA]);
    newest = dragging;
    return null;
  }
  const root = createRoot(document.createElement("div"));
  act(() =>
    root.render(
      <ComposerContext value={editor as unknown as Composer}>
        <Held />
      </ComposerContext>,
    ),
  );
  const dragging = () => newest as unknown as TileDragging;
  return { dragging, state: editor.document.state, close: () => act(() => root.unmount()) };
}

function pointerAt(clientX: number, clientY: number): PointerEvent<HTMLElement> {
  const currentTarget = { setPointerCapture: () => undefined };
  const event = { button: 0, pointerId: 1, pointerType: "mouse", ctrlKey: true, clientX, clientY, currentTarget };
  return event as unknown as PointerEvent<HTMLElement>;
}

it("a flick that is over before the page has drawn it moves the tile all the same", () => {
  const { dragging, state, close } = rendered();
  act(() => {
    const { begin, move, end } = dragging();
    begin(pointerAt(100, 100), ADA, MOVE);
    move(pointerAt(340, 208));
    end(pointerAt(340, 208));
  });
  expect(state.get().timeline).toEqual([
    { t: 0, type: "place", peer_id: "ada", source: "camera", rect: { x: 0.125, y: 0.1, w: 0.5, h: 0.5 } },
  ]);
  expect(dragging().drag).toMatchObject({ tileId: "ada/camera", rect: { x: 240, y: 108 }, isDropped: true });
  close();
});
