/** What another React application imports. */

export { tokensOf, type GetToken, type TokenAction } from "./api";
export { RecordingComposer, type RecordingComposerProps } from "./RecordingComposer";
