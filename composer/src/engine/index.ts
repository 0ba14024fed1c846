export { createEngine } from "./engine";
export type { ComposerHooks } from "./hooks";
export type * from "./types";
