/**
 * How hls.js loads: every request goes out with the newest signed token, renewed before it expires, and once more where
 * the server says that it has. Also: the low and the full rendition of a stream as one playlist, so that hls.js changes
 * between them at a segment, without a break.
 */

import Hls, { type HlsConfig, type LoadPolicy } from "hls.js";

import type { SignedLinks } from "../api/links";
import type { Rendition } from "./types";

const FORBIDDEN = 403;
/** What is kept ahead and behind: nine peers of two hours must fit into memory. */
const AHEAD_S = 16;
const BEHIND_S = 20;
const MAX_BYTES = 24 * 1024 * 1024;

export function hlsConfig(links: SignedLinks, startS: number): Partial<HlsConfig> {
  const { playlistLoadPolicy, fragLoadPolicy, manifestLoadPolicy } = Hls.DefaultConfig;
  return {
    startPosition: startS,
    enableWorker: false, // fMP4 is passed through; nine workers would cost more than they do
    maxBufferLength: AHEAD_S,
    maxMaxBufferLength: AHEAD_S,
    backBufferLength: BEHIND_S,
    maxBufferSize: MAX_BYTES,
    maxBufferHole: 0.1,
    liveDurationInfinity: false,
    startFragPrefetch: true,
    testBandwidth: false,
    abrEwmaDefaultEstimate: 5_000_000,
    xhrSetup: async (xhr, url) => xhr.open("GET", await links.fresh(url), true),
    playlistLoadPolicy: renewing(playlistLoadPolicy, links),
    fragLoadPolicy: renewing(fragLoadPolicy, links),
    manifestLoadPolicy,
  };
}

/** A policy that tries once more, with a new token, what was forbidden. */
function renewing(policy: LoadPolicy, links: SignedLinks): LoadPolicy {
  const { errorRetry } = policy.default;
  if (errorRetry === null) return policy;
  const shouldRetry: NonNullable<typeof errorRetry.shouldRetry> = (_config, count, _timeout, response, retry) => {
    if (response?.code !== FORBIDDEN) return retry;
    links.refuse(response.url);
    return count === 0;
  };
  return { default: { ...policy.default, errorRetry: { ...errorRetry, retryDelayMs: 300, shouldRetry } } };
}

/** A multivariant playlist (RFC 8216, 4.3.4.2) of the renditions, the low one first; level 0 is low. */
export function multivariant(full: Rendition, low: Rendition | null): string {
  const listed = low === null ? [full] : [low, full];
  const lines = listed.flatMap((rendition, level) => [
    `#EXT-X-STREAM-INF:${attributes(rendition, level)}`,
    rendition.playlist,
  ]);
  return ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS", ...lines, ""].join("\n");
}

function attributes({ size, codecs }: Rendition, level: number): string {
  return [
    `BANDWIDTH=${(level + 1) * 1_000_000}`, // only their order counts: nobody lets hls.js choose
    ...(codecs === null ? [] : [`CODECS="${codecs}"`]),
    ...(size === null ? [] : [`RESOLUTION=${size.w}x${size.h}`]),
  ].join(",");
}
