/**
 * Colours that the export derives from the background: the page's copy of compositing/colour.py.
 *
 * Both give the same for tests/golden/colour.json.
 */

type Rgb = readonly [number, number, number];

/** Y of BT.601 in limited range, in 16.16 fixed point. */
const LUMA: Rgb = [16829, 33039, 6416];
/** A background whose Y is above this counts as light. */
const LIGHT = 128;

export const SPEAKER_COLOUR = "#3d9bff";

/** The bars beside a picture that does not fill its tile: a little darker than the background. */
export function barsColour(background: string): string {
  return mixed(background, 0, isLight(background) ? 0.12 : 0.4);
}

/** A tile whose picture has not come yet: set off from the background just enough to be seen. */
export function placeholderColour(background: string): string {
  return isLight(background) ? mixed(background, 0, 0.2) : mixed(background, 255, 0.07);
}

function isLight(colour: string): boolean {
  const [r, g, b] = rgb(colour);
  return (r * LUMA[0] + g * LUMA[1] + b * LUMA[2] + 16 * 65536 + 32768) >> 16 > LIGHT;
}

function mixed(colour: string, other: number, share: number): string {
  return (
    "#" +
    rgb(colour)
      .map((c) =>
        roundHalfEven(c + (other - c) * share)
          .toString(16)
          .padStart(2, "0"),
      )
      .join("")
  );
}

function rgb(colour: string): Rgb {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest === 0.5 ? floor + (floor % 2) : Math.round(value);
}
