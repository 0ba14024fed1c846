export * from "./at";
export * from "./colour";
export * from "./gains";
export * from "./geometry";
export * from "./names";
export * from "./spans";
export * from "./transition";
export type * from "./types";
