/** Uploads an image under a name that the server takes. */

import type { ComposerApi } from "../../api/client";
import { ApiError } from "../../api/errors";
import { newKey } from "../../api/keys";
import type { AssetSaved } from "../../api/types";

/** A name stands for one image for good, so another image of that name, such as a corrected one, gets its own. */
export async function uploadImage(api: Pick<ComposerApi, "uploadAsset">, file: File): Promise<AssetSaved> {
  const name = assetName(file.name);
  try {
    return await api.uploadAsset(file, name);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    return api.uploadAsset(file, marked(name, newKey().slice(0, 6)));
  }
}

/** Letters, digits, dots, dashes and underscores, not starting with a dot. */
export function assetName(fileName: string): string {
  const cleaned = fileName
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[.-]+/, "");
  return (cleaned === "" ? "image" : cleaned).slice(-100);
}

/** `logo.png` as `logo-{mark}.png`. */
export function marked(name: string, mark: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? `${name}-${mark}` : `${name.slice(0, dot)}-${mark}${name.slice(dot)}`;
}
