// @vitest-environment jsdom
import { act, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";

import { useSteady } from "./useSteady";

it("a function that is written inline restarts nothing, and the newest one counts", () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  const started: (() => string)[] = [];
  function Host({ token }: { readonly token: string }) {
    const getToken = useSteady(() => token);
    useEffect(() => {
      started.push(getToken);
    }, [getToken]);
    return null;
  }
  const root = createRoot(document.createElement("div"));
  for (const token of ["first", "second"]) act(() => root.render(<Host token={token} />));
  expect(started.map((getToken) => getToken())).toEqual(["second"]);
  act(() => root.unmount());
});
