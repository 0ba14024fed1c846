/**
 * What the page's address says: which recording, and with which token. Pure but for `takeToken`.
 *
 * A token stands in the fragment, which no server sees. It is moved into the tab's own memory and out of the address,
 * so that it is neither kept in a history nor passed on with a copied link; a reload finds it again.
 */

export interface Address {
  readonly recordingId: string | null;
  readonly userToken: string | null;
}

const KEY = "recording-composer.user_token";

/** `/composer/{recording_id}#user_token=…`, whatever comes before `/composer/`. */
export function parseAddress(pathname: string, hash: string): Address {
  const id = /\/composer\/([^/]+)\/?$/.exec(pathname)?.[1];
  const token = new URLSearchParams(hash.replace(/^#/, "")).get("user_token");
  return { recordingId: id === undefined ? null : decoded(id), userToken: token === "" ? null : token };
}

/** The token of the address, else the one that this tab had before. */
export function takeToken(page: Window): string | null {
  const { userToken } = parseAddress(page.location.pathname, page.location.hash);
  if (userToken === null) return page.sessionStorage.getItem(KEY);
  page.sessionStorage.setItem(KEY, userToken);
  page.history.replaceState(null, "", page.location.pathname + page.location.search);
  return userToken;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
