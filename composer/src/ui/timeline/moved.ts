import type { Marker } from "./markers";

/** The markers while one of them is dragged to `tMs`: what its kind began before follows it, nothing is settled. */
export function moved(markers: readonly Marker[], index: number, tMs: number): readonly Marker[] {
  const dragged = markers.find((marker) => marker.index === index);
  if (dragged === undefined) return markers;
  return markers.map((marker) => {
    if (marker.index === index) return { ...marker, tMs, endMs: endOf(marker, tMs) };
    const endsThere = marker.lane === dragged.lane && marker.kind === dragged.kind && marker.endMs === dragged.tMs;
    return endsThere && marker.endMs > marker.tMs ? { ...marker, endMs: Math.max(marker.tMs, tMs) } : marker;
  });
}

function endOf(marker: Marker, tMs: number): number {
  if (marker.endMs <= marker.tMs) return tMs;
  if (marker.kind === "text") return tMs + marker.endMs - marker.tMs;
  return Math.max(tMs, marker.endMs);
}
