import { describe, expect, it } from "vitest";

import { parseAddress } from "./address";

describe("address", () => {
  it("names the recording and the token", () => {
    expect(parseAddress("/composer/rec-1", "#user_token=a.b.c")).toEqual({ recordingId: "rec-1", userToken: "a.b.c" });
    expect(parseAddress("/farm/composer/rec%2D1/", "")).toEqual({ recordingId: "rec-1", userToken: null });
  });

  it("survives what is none", () => {
    expect(parseAddress("/composer/", "#user_token=")).toEqual({ recordingId: null, userToken: null });
    expect(parseAddress("/composer/%E0%A4%A", "#x")).toEqual({ recordingId: null, userToken: null });
  });
});
