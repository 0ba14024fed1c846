/** What the page itself remembers while it is open: nothing of this is saved. */

import type { ExportFormat, Preset } from "../api/types";
import type { Source, TimelineEvent } from "../composition/types";
import { Cell } from "../shared/observable";

/** What the context bar, the keys and the inspector act on. */
export type Selection =
  | { readonly kind: "none" }
  /** A tile by its id in the plan; `peerId` and `source` are null for texts and images. */
  | { readonly kind: "tile"; readonly tileId: string; readonly peerId: string | null; readonly source: Source | null }
  /** An event of the state, the very object. */
  | { readonly kind: "event"; readonly event: TimelineEvent };

export type PanelName = "layout" | "people" | "style" | "events";
export type DialogName = "export" | "help" | null;
export type ProofMode = "off" | "over" | "beside";

export const NOTHING: Selection = { kind: "none" };

export class Session {
  readonly selection = new Cell<Selection>(NOTHING);
  readonly panel = new Cell<PanelName>("layout");
  readonly dialog = new Cell<DialogName>(null);
  readonly proof = new Cell<ProofMode>("off");
  /** What the next export is to be: as the one before, unless chosen anew. */
  readonly preset = new Cell<Preset>("standard");
  readonly format = new Cell<ExportFormat>("mp4");
  /** Said once to screen readers, and shown for a moment. */
  readonly notice = new Cell<string | null>(null);
  /** Commands for the timeline, which alone knows its view. */
  readonly zoom = new Cell<{ readonly by: "in" | "out" | "fit"; readonly serial: number } | null>(null);
  #serial = 0;

  zoomBy(by: "in" | "out" | "fit"): void {
    this.zoom.set({ by, serial: ++this.#serial });
  }

  selectTile(tile: { tile_id: string; peer_id: string | null; source: Source | null }): void {
    this.selection.set({ kind: "tile", tileId: tile.tile_id, peerId: tile.peer_id, source: tile.source });
  }

  selectEvent(event: TimelineEvent): void {
    this.selection.set({ kind: "event", event });
  }

  deselect(): void {
    this.selection.set(NOTHING);
  }
}
