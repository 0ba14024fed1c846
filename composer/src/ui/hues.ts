/**
 * The colour of a peer, as its avatar has it (compositing/avatars.py): a hue that depends on the peer id alone.
 *
 * Lightness is the page's own: here colours stand on dark, thin, and beside text.
 */

const HUES = Array.from({ length: 24 }, (_, i) => i * 15).filter((hue) => hue <= 70 || hue >= 130);

/** Degrees in Oklch. */
export async function peerHue(peerId: string): Promise<number> {
  return HUES[(await firstByte(peerId)) % HUES.length] ?? 0;
}

/** Hues of several peers, by peer id. */
export async function peerHues(peerIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  return new Map(await Promise.all(peerIds.map(async (id) => [id, await peerHue(id)] as const)));
}

export function peerColour(hue: number, lightness = 0.74, chroma = 0.11): string {
  return `oklch(${lightness} ${chroma} ${hue})`;
}

async function firstByte(text: string): Promise<number> {
  const bytes = new TextEncoder().encode(text);
  // Pages that are not served securely have no digest; their colours are stable too, but not those of the avatars.
  if (!("subtle" in crypto)) return bytes.reduce((sum, byte) => (sum * 31 + byte) & 255, 7);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))[0] ?? 0;
}
