import { describe, expect, it } from "vitest";

import { farm, problem } from "../../shared/farm";
import { assetName, marked, uploadImage } from "./images";

describe("an image", () => {
  const file = new File(["corrected"], "Our logo.png");

  it("whose name is taken by another one is uploaded under a name of its own", async () => {
    const names: string[] = [];
    const { api } = farm(({ form }) => {
      names.push(form?.get("name") as string);
      return names.length === 1 ? problem(409) : Response.json({ asset: names.at(-1), width: 1, height: 1, url: "" });
    });
    const { asset } = await uploadImage(api, file);
    expect(names[0]).toBe("Our-logo.png");
    expect(asset).toMatch(/^Our-logo-[0-9a-f]{6}\.png$/);
  });

  it("that is refused for another reason is not tried again", async () => {
    const { api, seen } = farm(() => problem(422));
    await expect(uploadImage(api, file)).rejects.toMatchObject({ status: 422 });
    expect(seen).toHaveLength(1);
  });

  it.each([
    ["…/Ünser Logo (1).png", "U-nser-Logo-1-.png"],
    ["..", "image"],
  ])("called %s has a name that the server takes", (given, taken) => {
    expect(assetName(given)).toBe(taken);
  });

  it.each([
    ["a.b.png", "a.b-1.png"],
    ["image", "image-1"],
  ])("%s may be marked as %s", (name, as) => {
    expect(marked(name, "1")).toBe(as);
  });
});
