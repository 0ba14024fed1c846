import type { Plan } from "./types";

/** Peers in the order in which they appear, with their names where a label tells them; else with their ids. */
export function namesOf(plan: Plan): ReadonlyMap<string, string> {
  const names = new Map(plan.audio.map((peer) => [peer.peer_id, peer.peer_id]));
  for (const scene of plan.scenes) {
    for (const tile of scene.tiles) {
      if (tile.peer_id !== null && tile.label !== null && tile.source !== "screenshare") {
        names.set(tile.peer_id, tile.label.text);
      }
    }
  }
  return names;
}
