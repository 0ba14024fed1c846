export { Stage, type StageOptions } from "./stage";
export type * from "./types";
