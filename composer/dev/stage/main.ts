/** The stage alone, without chrome, for measurements: /composer/{recording_id}?width=1280 */

import { tokensOf } from "../../src/api";
import { createEngine } from "../../src/engine";

const recordingId = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1) ?? "");
const root = document.querySelector<HTMLElement>("#root");
if (root === null) throw new Error("no root");
root.style.width = `${new URLSearchParams(location.search).get("width") ?? "1280"}px`;
const engine = createEngine({ recordingId, apiBase: "", getToken: tokensOf("", recordingId, () => "dev") });
root.append(engine.stage.canvas);
await engine.open();
console.log("phase", JSON.stringify(engine.phase.get()));
Object.assign(globalThis, { engine });
