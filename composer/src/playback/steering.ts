/**
 * How a player is brought back to the clock: its rate is bent a little; it seeks only when it is far off. Pure.
 *
 * The promise is to stay within HOLD_MS. Bending begins well before that and ends near zero, so that a player does not
 * flutter; the rate is a function of the distance alone and never off by more than MAX_BEND, which speech survives.
 */

/** Every attached peer is held within this of the clock. */
export const HOLD_MS = 40;
/** Farther off than this, bending would take too long to be borne. */
export const SEEK_MS = 600;

const BEGIN_MS = 16;
const END_MS = 5;
const MAX_BEND = 0.08;
/** In how long bending makes up for what is missing. */
const MAKE_UP_MS = 700;

export type Steering = { readonly kind: "seek" } | { readonly kind: "rate"; readonly rate: number };

/**
 * What a player does that is `driftMs` ahead of the clock (negative: behind), which runs at `rate`; `bending`: whether
 * it is being brought back already.
 */
export function steer(driftMs: number, rate: number, bending: boolean): Steering {
  const distance = Math.abs(driftMs);
  if (distance > SEEK_MS * Math.max(1, rate)) return { kind: "seek" };
  if (distance < (bending ? END_MS : BEGIN_MS)) return { kind: "rate", rate };
  const bend = Math.min(MAX_BEND, distance / MAKE_UP_MS);
  // Hundredths: each change of rate costs the browser something.
  return { kind: "rate", rate: Math.round(rate * (1 - Math.sign(driftMs) * bend) * 100) / 100 };
}
