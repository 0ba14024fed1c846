/** Where the bar of the selected tile stands: beside the tile and off the others, else inside of it if that is large. Pure. */

import type { Rect, Size } from "../../plan/types";

/** Of the widest bar, and of every bar, in pixels of the screen. */
export const BAR_PX = { w: 250, h: 40 };
const AIR_PX = 8;

/** The bar's middle and top, in pixels of the screen from the frame's corner. */
export function barPlace(
  rect: Rect,
  others: readonly Rect[],
  canvas: Size,
  scale: number,
): { left: number; top: number } {
  const [x, y, w, h] = [rect.x * scale, rect.y * scale, rect.w * scale, rect.h * scale];
  const half = BAR_PX.w / 2;
  const width = canvas.w * scale;
  const left = width <= BAR_PX.w ? width / 2 : Math.min(width - half, Math.max(half, x + w / 2));
  const inFrame = [y - BAR_PX.h - AIR_PX, y + h + AIR_PX].filter(
    (top) => top >= 0 && top + BAR_PX.h <= canvas.h * scale,
  );
  const free = inFrame.find((top) => !others.some((other) => meets(other, left - half, top, scale)));
  const isLarge = h >= 3 * BAR_PX.h;
  return { left, top: free ?? (isLarge ? undefined : inFrame[0]) ?? y + AIR_PX };
}

function meets(other: Rect, x: number, y: number, scale: number): boolean {
  const [left, top] = [other.x * scale, other.y * scale];
  const [right, bottom] = [left + other.w * scale, top + other.h * scale];
  return x < right && x + BAR_PX.w > left && y < bottom && y + BAR_PX.h > top;
}
