export * from "./at";
export * from "./autosave";
export * from "./defaults";
export * from "./document";
export * from "./edits";
export { insideFrame, MIN_SIDE } from "./rects";
export type * from "./types";
