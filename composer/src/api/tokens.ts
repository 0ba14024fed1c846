/** Tokens for a page that holds a user token: a composition token is fetched for each action that needs one. */

import { Http } from "./http";
import type { GetToken } from "./types";

/** `userToken` is asked whenever one is needed, so that the host application may renew it. */
export function tokensOf(apiBase: string, recordingId: string, userToken: () => string | Promise<string>): GetToken {
  const http = new Http(apiBase, async () => userToken());
  return async (action) => {
    if (action === "user") return userToken();
    const path = `/recordings/${encodeURIComponent(recordingId)}/composition/token`;
    return (await http.json<{ token: string }>(path, { method: "POST", json: { scope: [action] } })).token;
  };
}
