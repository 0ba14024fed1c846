export {
  ComposerApi,
  type ClientOptions,
  type PlanWindow,
  type SavedComposition,
  type StoredComposition,
} from "./client";
export { ApiError, isTransient, Unreachable, type FieldProblem } from "./errors";
export { isFinal, type JobEvent } from "./jobs";
export { tokensOf } from "./tokens";
export type * from "./types";
