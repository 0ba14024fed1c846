import { describe, expect, it } from "vitest";

import { named, qualitiesOf, qualityOf, resolutionOf, shapeOf } from "./resolutions";

describe("resolutions", () => {
  it("have even sides, up to what the server takes", () => {
    for (const shape of ["16:9", "1:1", "9:16"] as const) {
      for (const { value } of qualitiesOf(shape, "1920x1080")) {
        for (const side of value.split("x").map(Number)) {
          expect(side % 2).toBe(0);
          expect(side).toBeLessThanOrEqual(4096);
        }
      }
    }
  });

  it("keep their quality when the shape changes", () => {
    expect(resolutionOf("9:16", qualityOf("1280x720") ?? 0)).toBe("720x1280");
    expect(shapeOf(resolutionOf("16:9", 480))).toBe("16:9");
    expect(shapeOf("1080x1920")).toBe("9:16");
  });

  it("leave a size of one's own as it is", () => {
    expect(shapeOf("1600x1200")).toBeNull();
    expect(qualitiesOf(null, "1600x1200")[0]).toEqual({ value: "1600x1200", text: "1600×1200" });
    expect(named("3840x2160")).toBe("4K · 3840×2160");
  });
});
