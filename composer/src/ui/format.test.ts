import { describe, expect, it } from "vitest";

import { aboutDuration, clock, decibels, parseClock, spokenTime, steadyClock } from "./format";

describe("clock", () => {
  it("rounds down, as clocks do", () => {
    expect(clock(59_999)).toBe("0:59.9");
    expect(clock(60_000)).toBe("1:00.0");
    expect(clock(3_723_456, 3)).toBe("1:02:03.456");
    expect(clock(3_723_456, 0)).toBe("1:02:03");
  });

  it("shows a frame's time, which is no whole number, as its own tenth", () => {
    expect(clock((3 * 1000) / 30)).toBe("0:00.1");
  });

  it("never shows a time before zero", () => {
    expect(clock(-5)).toBe("0:00.0");
  });

  it("is as wide at the start as at the end of the recording", () => {
    expect(steadyClock(0, 60_000)).toBe("0:00.0");
    expect(steadyClock(5_000, 900_000)).toBe("00:05.0");
    expect(steadyClock(605_000, 7_200_000)).toBe("0:10:05.0");
    expect(steadyClock(605_000, 43_200_000)).toBe("00:10:05.0");
    expect(steadyClock(65_000, 7_200_000)).toBe("0:01:05.0");
    expect(steadyClock(7_200_000, 7_200_000)).toBe("2:00:00.0");
  });
});

describe("parseClock", () => {
  it.each([
    ["1:02:03.456", 3_723_456],
    ["2:03", 123_000],
    ["75.5", 75_500],
    ["75,5 ", 75_500],
    ["12s", 12_000],
    ["0", 0],
  ])("reads %s", (text, ms) => expect(parseClock(text)).toBe(ms));

  it.each(["", "abc", "1:75", "1:2:3:4", "-4", "1:60:00", "."])("refuses %j", (text) =>
    expect(parseClock(text)).toBeNull(),
  );

  it("reads back what clock wrote", () => {
    for (const ms of [0, 999, 61_001, 7_199_999]) expect(parseClock(clock(ms, 3))).toBe(ms);
  });
});

describe("words", () => {
  it("guesses durations no finer than they are known", () => {
    expect(aboutDuration(3)).toBe("a few seconds");
    expect(aboutDuration(31)).toBe("35 s");
    expect(aboutDuration(89)).toBe("1 min");
    expect(aboutDuration(4_830)).toBe("1 h 21 min");
  });

  it("says times for screen readers", () => {
    expect(spokenTime(0)).toBe("start");
    expect(spokenTime(3_661_000)).toBe("1 hour 1 minute 1 second");
  });

  it("signs decibels", () => {
    expect(decibels(0)).toBe("0.0 dB");
    expect(decibels(3.5)).toBe("+3.5 dB");
    expect(decibels(-12)).toBe("−12 dB");
  });
});
