export { cameraId, screenId, sourcesOf } from "./sources";
export { stillUrl } from "./stills";
export { Playback, type PlaybackOptions } from "./transport";
export type * from "./types";
