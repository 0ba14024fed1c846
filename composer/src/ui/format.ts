/** Times, sizes and durations as people read them, and back. Pure. */

/** `1:02:03.4`, `2:03.4`: whole tenths of a second, rounded down as clocks do. */
export function clock(ms: number, digits: 0 | 1 | 2 | 3 = 1): string {
  const unit = 10 ** digits;
  const ticks = Math.floor((Math.max(0, ms) * unit) / 1000 + 1e-6);
  const seconds = Math.floor(ticks / unit);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const head = h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  return digits === 0 ? head : `${head}.${String(ticks % unit).padStart(digits, "0")}`;
}

/** As `clock`, but with as many digits as the clock of `longestMs` has, so that it does not jump. */
export function steadyClock(ms: number, longestMs: number): string {
  const told = clock(ms);
  const [wide, colons] = [clock(longestMs), (text: string) => text.split(":").length];
  const [head = "", ...rest] = colons(told) < colons(wide) ? ["0", ...padded(told)] : told.split(":");
  return [head.padStart(wide.indexOf(":"), "0"), ...rest].join(":");
}

function padded(told: string): string[] {
  const [minutes = "", ...rest] = told.split(":");
  return [minutes.padStart(2, "0"), ...rest];
}

/** Milliseconds of `1:02:03.456`, `2:03`, `75.5` (seconds) or `75.5s`; null for anything else. */
export function parseClock(text: string): number | null {
  const trimmed = text.trim().replace(/s$/, "");
  if (!/^(?:(?:\d+:)?\d+:)?\d+(?:[.,]\d*)?$/.test(trimmed)) return null;
  const parts = trimmed.replace(",", ".").split(":").map(Number);
  if (parts.slice(1).some((part) => part >= 60)) return null;
  return Math.round(parts.reduce((sum, part) => sum * 60 + part, 0) * 1000);
}

/** `45 s`, `3 min`, `1 h 20 min`: no more precise than a guess deserves. */
export function aboutDuration(seconds: number): string {
  if (seconds < 10) return "a few seconds";
  if (seconds < 55) return `${Math.ceil(seconds / 5) * 5} s`;
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest === 0 ? "" : ` ${rest} min`}`;
}

/** A span's length for a screen reader: `2 minutes 3 seconds`. */
export function spokenTime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 3600), "hour"],
    [Math.floor(seconds / 60) % 60, "minute"],
    [seconds % 60, "second"],
  ];
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`);
  return said.length === 0 ? "start" : said.join(" ");
}

/** `0.0 dB`, `+3.5 dB`, `−12 dB`. */
export function decibels(db: number): string {
  const size = Math.abs(db) >= 10 ? Math.abs(db).toFixed(0) : Math.abs(db).toFixed(1);
  return `${db > 0 ? "+" : db < 0 ? "−" : ""}${size} dB`;
}

/** When something was made: the time of today, else the day. */
export function madeAt(iso: string, now: Date): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const time = date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === now.toDateString()) return `Today, ${time}`;
  return `${date.toLocaleDateString(undefined, { day: "numeric", month: "short" })}, ${time}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
