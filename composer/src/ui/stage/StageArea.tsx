import { useEffect, useMemo, useRef, type ReactNode } from "react";

import { exportOf } from "../../composition/defaults";
import type { Size } from "../../plan/types";
import { useComposer, useCompositionState, useMoment, useReadable } from "../context";
import { useElementSize } from "../useElementSize";
import { StageNotice } from "./StageNotice";
import { ProofFrame } from "./ProofFrame";
import { TileLayer } from "./TileLayer";

/** Air around the canvas, where the handles of its tiles and their bar find room. */
const AIR_PX = { x: 20, y: 14 };

/** The canvas, as large as there is room for, and what lies over it. */
export function StageArea(): ReactNode {
  const { engine, session } = useComposer();
  const room = useRef<HTMLDivElement>(null);
  const size = useElementSize(room);
  const canvas = useCanvasSize();
  const proof = useReadable(session.proof);
  const frame = useMemo(
    () => (size === null ? null : fitInto(canvas, size, proof === "beside")),
    [canvas, size, proof],
  );
  return (
    <section className="rc-stage" aria-label="Stage" tabIndex={-1} data-proof={proof}>
      <div
        ref={room}
        className="rc-stage__room"
        onPointerDown={(event) => {
          if (event.target === event.currentTarget) session.deselect();
        }}
      >
        {frame !== null && (
          <div className="rc-stage__frame" style={{ width: frame.w, height: frame.h }}>
            <CanvasHost canvas={engine.stage.canvas} />
            <Tiles canvas={canvas} scale={frame.w / canvas.w} />
            {proof === "over" && <ProofFrame mode="over" />}
          </div>
        )}
        {frame !== null && proof === "beside" && (
          <div className="rc-stage__frame rc-stage__frame--proof" style={{ width: frame.w, height: frame.h }}>
            <ProofFrame mode="beside" />
          </div>
        )}
      </div>
      <StageNotice />
    </section>
  );
}

function CanvasHost({ canvas }: { readonly canvas: HTMLCanvasElement }): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    host.current?.append(canvas);
    return () => canvas.remove();
  }, [canvas]);
  return <div ref={host} className="rc-stage__canvas" />;
}

function Tiles({ canvas, scale }: { readonly canvas: Size; readonly scale: number }): ReactNode {
  const { actions } = useComposer();
  const moment = useMoment();
  const tiles = moment?.tiles ?? NO_TILES;
  return <TileLayer tiles={tiles} canvas={canvas} scale={scale} tMs={actions.editTimeMs()} />;
}

const NO_TILES = [] as const;

/** The plan's canvas; before there is a plan, what the state asks for. */
function useCanvasSize(): Size {
  const { engine } = useComposer();
  const { plan } = useReadable(engine.plan);
  const { resolution } = exportOf(useCompositionState());
  return useMemo(() => {
    const [w = 1920, h = 1080] = resolution.split("x").map(Number);
    return plan?.canvas ?? { w, h };
  }, [plan, resolution]);
}

function fitInto(canvas: Size, room: Size, isHalved: boolean): Size {
  const width = (isHalved ? (room.w - 3 * AIR_PX.x) / 2 : room.w - 2 * AIR_PX.x) || 1;
  const scale = Math.max(0.05, Math.min(width / canvas.w, (room.h - 2 * AIR_PX.y) / canvas.h));
  return { w: Math.floor(canvas.w * scale), h: Math.floor(canvas.h * scale) };
}
