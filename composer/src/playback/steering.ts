/**
 * How a player is brought back to the clock: its rate is bent a little; it seeks only when it is far off. Pure.
 *
 * The promise is to stay within HOLD_MS. Bending begins well before that and ends near zero, so that a player does not
 * flutter; the rate is a function of the distance alone, and speech is never bent by more than survives it.
 */

/** Every attached peer is held within this of the clock. */
export const HOLD_MS = 40;
/** Farther off than this, bending would take longer to be borne than the moment that a seek freezes the picture. */
export const SEEK_MS = 300;
/** Where nobody sees the moment, a seek costs nothing. */
export const SEEK_UNSEEN_MS = 60;

const BEGIN_MS = 16;
const END_MS = 5;
const MAX_BEND = 0.08;
const MAX_BEND_SILENT = 0.4;
/** In how long bending makes up for what is missing. */
const MAKE_UP_MS = 700;

export type Steering = { readonly kind: "seek" } | { readonly kind: "rate"; readonly rate: number };

export interface Followed {
  /** What the clock runs at. */
  readonly rate: number;
  /** Whether it is being brought back already. */
  readonly bending: boolean;
  readonly seen: boolean;
  readonly hasSound: boolean;
}

/** What a player does that is `driftMs` ahead of the clock; negative: behind. */
export function steer(driftMs: number, { rate, bending, seen, hasSound }: Followed): Steering {
  const distance = Math.abs(driftMs);
  if (distance > (seen ? SEEK_MS : SEEK_UNSEEN_MS) * Math.max(1, rate)) return { kind: "seek" };
  if (distance < (bending ? END_MS : BEGIN_MS)) return { kind: "rate", rate };
  const bend = Math.min(hasSound ? MAX_BEND : MAX_BEND_SILENT, distance / MAKE_UP_MS);
  // Hundredths: each change of rate costs the browser something.
  return { kind: "rate", rate: Math.round(rate * (1 - Math.sign(driftMs) * bend) * 100) / 100 };
}
