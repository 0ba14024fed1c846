import { useRef, useState, type ReactNode } from "react";

import { styleOf } from "../../composition/defaults";
import { setStyle } from "../../composition/edits";
import type { FitName, StyleState } from "../../composition/types";
import { useComposer, useCompositionState } from "../context";
import { Button } from "../controls/Button";
import { ColourField, Field, NumberField, Segmented, Select, Slider, Switch } from "../controls/fields";
import { wordsFor } from "../failures";
import { uploadImage } from "./images";

const FITS: readonly { value: FitName; text: string }[] = [
  { value: "auto", text: "Auto" },
  { value: "cover", text: "Cover" },
  { value: "contain", text: "Contain" },
  { value: "fill", text: "Stretch" },
];

const pixels = (value: number) => `${value} px`;

/** How everything looks, for the whole recording. */
export function StylePanel(): ReactNode {
  const { actions } = useComposer();
  const style = styleOf(useCompositionState());
  const change = (to: StyleState, coalesce: string | null = null) =>
    actions.edit((state) => setStyle(state, to), coalesce);
  const settle = () => actions.settle();
  return (
    <>
      <section className="rc-section" aria-label="Frame">
        <h3>Frame</h3>
        <Field label="Background">
          {(id) => (
            <ColourField
              id={id}
              value={style.background}
              onChange={(background) => change({ background }, "background")}
              onSettle={settle}
            />
          )}
        </Field>
        <Field label="Gap">
          {(id) => (
            <Slider
              id={id}
              value={style.gap}
              min={0}
              max={64}
              step={2}
              told={pixels}
              onChange={(gap) => change({ gap }, "gap")}
              onSettle={settle}
            />
          )}
        </Field>
        <Field label="Corners">
          {(id) => (
            <Slider
              id={id}
              value={style.corner_radius}
              min={0}
              max={64}
              step={2}
              told={pixels}
              onChange={(radius) => change({ corner_radius: radius }, "corners")}
              onSettle={settle}
            />
          )}
        </Field>
      </section>
      <section className="rc-section" aria-label="Tiles">
        <h3>Tiles</h3>
        <Field label="Name labels">
          {(id) => <Switch id={id} checked={style.labels} onChange={(labels) => change({ labels })} />}
        </Field>
        <Field label="Frame around the speaker">
          {(id) => (
            <Switch
              id={id}
              checked={style.highlight_speaker}
              onChange={(highlight) => change({ highlight_speaker: highlight })}
            />
          )}
        </Field>
        <Field label="Cameras">
          {(id) => <Select id={id} value={style.fit} options={FITS} onChange={(fit) => change({ fit })} />}
        </Field>
        <Field label="At most" hint="tiles at a time">
          {(id) => (
            <NumberField
              id={id}
              value={style.max_tiles}
              min={1}
              max={100}
              onCommit={(tiles) => change({ max_tiles: Math.round(tiles) })}
            />
          )}
        </Field>
      </section>
      <section className="rc-section" aria-label="Shared screens">
        <h3>Shared screens</h3>
        <Segmented
          label="Where a shared screen is shown"
          value={style.screenshare}
          options={[
            { value: "stage", text: "Large", title: "The large tile, in every layout" },
            { value: "tile", text: "As a tile", title: "A tile as any other" },
            { value: "off", text: "Off", title: "Not shown" },
          ]}
          onChange={(screenshare) => change({ screenshare })}
        />
        <Field label="Fit">
          {(id) => (
            <Select
              id={id}
              value={style.screenshare_fit}
              options={FITS}
              onChange={(fit) => change({ screenshare_fit: fit })}
            />
          )}
        </Field>
      </section>
      <Overlays />
    </>
  );
}

function Overlays(): ReactNode {
  const { actions } = useComposer();
  const { image } = styleOf(useCompositionState());
  return (
    <section className="rc-section" aria-label="Texts and image">
      <h3>Texts and image</h3>
      <div className="rc-row">
        <Button icon="text" onClick={() => actions.addText()}>
          Add text
        </Button>
        <ImageUpload hasImage={image !== null} />
      </div>
      {image !== null && (
        <>
          <Field label="Image opacity">
            {(id) => (
              <Slider
                id={id}
                value={image.opacity ?? 1}
                min={0}
                max={1}
                step={0.05}
                told={(share) => `${Math.round(share * 100)} %`}
                onChange={(opacity) =>
                  actions.edit((state) => setStyle(state, { image: { ...image, opacity } }), "opacity")
                }
                onSettle={() => actions.settle()}
              />
            )}
          </Field>
          <Button icon="trash" onClick={() => actions.edit((state) => setStyle(state, { image: null }))}>
            Remove image
          </Button>
        </>
      )}
    </section>
  );
}

const FIRST_PLACE = { x: 0.88, y: 0.03, w: 0.1, h: 0.1 };

function ImageUpload({ hasImage }: { readonly hasImage: boolean }): ReactNode {
  const { engine, actions } = useComposer();
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const upload = async (file: File) => {
    setBusy(true);
    setProblem(null);
    try {
      const { asset } = await uploadImage(engine.api, file);
      actions.edit((state) => {
        const { image } = styleOf(state);
        return setStyle(state, { image: { rect: FIRST_PLACE, ...image, asset } });
      });
    } catch (error) {
      const { title, remedy } = wordsFor(error);
      setProblem(`${title} ${remedy}`);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <input
        ref={input}
        type="file"
        accept="image/png,image/jpeg"
        hidden
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file !== undefined) void upload(file);
        }}
      />
      <Button icon="image" disabled={isBusy} onClick={() => input.current?.click()}>
        {isBusy ? "Uploading…" : hasImage ? "Replace image" : "Add image"}
      </Button>
      {problem !== null && (
        <p className="rc-problem" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}
