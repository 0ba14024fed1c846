import { useEffect, useRef, useState, type PointerEvent, type ReactNode } from "react";

import { untrimmed } from "../../composition/edits";
import { useComposer, useCompositionState, useFrameMs, useReadable } from "../context";
import { Button, IconButton } from "../controls/Button";
import { wordsFor } from "../failures";
import { clock } from "../format";

/** How long the playhead rests before a proof is asked for. */
const REST_MS = 250;

type Proof =
  | { readonly kind: "waiting" }
  | { readonly kind: "there"; readonly url: string; readonly tMs: number }
  | { readonly kind: "failed"; readonly words: string };

/** The export engine's own picture of this moment, over the canvas behind a curtain, or beside it. */
export function ProofFrame({ mode }: { readonly mode: "over" | "beside" }): ReactNode {
  const { session } = useComposer();
  const proof = useProof();
  const [share, setShare] = useState(0.5);
  const isOver = mode === "over";
  return (
    <div className="rc-proof" data-mode={mode} style={isOver ? { "--curtain": share } : undefined}>
      {proof.kind === "there" && (
        <img className="rc-proof__picture" src={proof.url} alt={`The export’s frame at ${clock(proof.tMs, 3)}`} />
      )}
      {proof.kind === "waiting" && <p className="rc-proof__words">Rendering the proof…</p>}
      {proof.kind === "failed" && <p className="rc-proof__words">{proof.words}</p>}
      {isOver && <Curtain share={share} onChange={setShare} />}
      <div className="rc-proof__tools">
        <span>Proof{proof.kind === "there" ? ` · ${clock(proof.tMs, 3)}` : ""}</span>
        <Button look="quiet" onClick={() => session.proof.set(isOver ? "beside" : "over")}>
          {isOver ? "Beside" : "Over"}
        </Button>
        <IconButton
          icon="close"
          label="Close the proof"
          shortcut="F"
          tip="below"
          onClick={() => session.proof.set("off")}
        />
      </div>
    </div>
  );
}

/** Left of it the canvas, right of it the proof. */
function Curtain({
  share,
  onChange,
}: {
  readonly share: number;
  readonly onChange: (share: number) => void;
}): ReactNode {
  const element = useRef<HTMLDivElement>(null);
  const follow = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = element.current?.parentElement?.getBoundingClientRect();
    if (box !== undefined) onChange(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  };
  return (
    <div
      ref={element}
      className="rc-proof__curtain"
      role="slider"
      tabIndex={0}
      aria-label="Where the proof begins"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={follow}
      onKeyDown={(event) => {
        const by = event.key === "ArrowLeft" ? -0.02 : event.key === "ArrowRight" ? 0.02 : 0;
        if (by === 0) return;
        event.stopPropagation();
        onChange(Math.min(1, Math.max(0, share + by)));
      }}
    />
  );
}

function useProof(): Proof {
  const { engine } = useComposer();
  const state = useCompositionState();
  const { playing } = useReadable(engine.transport.state);
  const tMs = useFrameMs();
  const [proof, setProof] = useState<Proof>({ kind: "waiting" });
  useEffect(() => {
    if (playing) return;
    const abort = new AbortController();
    const ask = async () => {
      try {
        const picture = await engine.api.still(untrimmed(state), Math.floor(tMs + 1e-6), "png", abort.signal);
        if (!abort.signal.aborted) setProof({ kind: "there", url: URL.createObjectURL(picture), tMs });
      } catch (error) {
        if (!abort.signal.aborted) setProof({ kind: "failed", words: wordsFor(error).title });
      }
    };
    const timer = setTimeout(() => void ask(), REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [engine, state, tMs, playing]);
  const url = proof.kind === "there" ? proof.url : null;
  useEffect(() => {
    if (url !== null) return () => URL.revokeObjectURL(url);
    return undefined;
  }, [url]);
  return proof;
}
