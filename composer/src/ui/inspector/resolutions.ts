/** Shapes and sizes that are offered for the picture. Pure. */

export type Shape = "16:9" | "1:1" | "9:16";

export const SHAPES: readonly { readonly value: Shape; readonly text: string; readonly title: string }[] = [
  { value: "16:9", text: "16:9", title: "Landscape" },
  { value: "1:1", text: "1:1", title: "Square" },
  { value: "9:16", text: "9:16", title: "Portrait" },
];

export const FRAME_RATES: readonly number[] = [15, 24, 25, 30, 50, 60];

/** Short sides, as they are spoken of. */
const QUALITIES: readonly number[] = [480, 720, 1080, 1440, 2160];

/** The shape of `WxH`; null for one that is not offered. */
export function shapeOf(resolution: string): Shape | null {
  const [w, h] = sidesOf(resolution);
  if (w === h) return "1:1";
  if (isNear(w / h, 16 / 9)) return "16:9";
  return isNear(w / h, 9 / 16) ? "9:16" : null;
}

/** The short side of `WxH` if it is one that is offered. */
export function qualityOf(resolution: string): number | null {
  const short = Math.min(...sidesOf(resolution));
  return QUALITIES.includes(short) ? short : null;
}

export function resolutionOf(shape: Shape, short: number): string {
  const long = 2 * Math.round((short * 16) / 9 / 2);
  if (shape === "1:1") return `${short}x${short}`;
  return shape === "16:9" ? `${long}x${short}` : `${short}x${long}`;
}

/** What to choose from for a shape; a size of its own stays among them. */
export function qualitiesOf(shape: Shape | null, own: string): readonly { value: string; text: string }[] {
  const offered = QUALITIES.map((short) => resolutionOf(shape ?? "16:9", short));
  const all = offered.includes(own) ? offered : [own, ...offered];
  return all.map((resolution) => ({ value: resolution, text: named(resolution) }));
}

/** `1080p · 1920×1080`. */
export function named(resolution: string): string {
  const short = qualityOf(resolution);
  const sides = resolution.replace("x", "×");
  return short === null ? sides : `${short === 2160 ? "4K" : `${short}p`} · ${sides}`;
}

function sidesOf(resolution: string): [number, number] {
  const [w = 16, h = 9] = resolution.split("x").map(Number);
  return [w, h];
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) < 0.01;
}
