// @vitest-environment jsdom
import { act, type PointerEvent } from "react";
import { expect, it } from "vitest";

import { EMPTY } from "../../composition/defaults";
import { tile } from "../../shared/fixtures";
import { resting, running } from "../fixtures";
import { MOVE } from "./dragging";
import { useTileDrag } from "./useTileDrag";

const ADA = tile("ada");
const CANVAS = { w: 1920, h: 1080 };

function pointerAt(clientX: number, clientY: number): PointerEvent<HTMLElement> {
  const currentTarget = { setPointerCapture: () => undefined };
  const event = { button: 0, pointerId: 1, pointerType: "mouse", ctrlKey: true, clientX, clientY, currentTarget };
  return event as unknown as PointerEvent<HTMLElement>;
}

it("a flick that is over before the page has drawn it moves the tile all the same", () => {
  const editor = resting(EMPTY);
  const { now, close } = running(editor, () => useTileDrag(CANVAS, 1, [ADA]));
  act(() => {
    const { begin, move, end } = now();
    begin(pointerAt(100, 100), ADA, MOVE);
    move(pointerAt(340, 208));
    end(pointerAt(340, 208));
  });
  expect(editor.document.state.get().timeline).toEqual([
    { t: 0, type: "place", peer_id: "ada", source: "camera", rect: { x: 0.125, y: 0.1, w: 0.5, h: 0.5 } },
  ]);
  expect(now().drag).toMatchObject({ tileId: "ada/camera", rect: { x: 240, y: 108 }, isDropped: true });
  close();
});
