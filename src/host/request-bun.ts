import { readAnswer, type Send } from "./http-answer.ts";

/** Sends a request with Bun's `fetch`, which takes the settings for TLS with it. */
export const sendWithFetch: Send = async (
  _machine,
  { url, method, headers = {}, body, tls = {}, signal },
) => {
  const init = {
    method,
    headers,
    redirect: "manual",
    signal,
    tls,
    ...(body !== undefined && { body }),
  } as const;
  const response = await fetch(url, init);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await readAnswer(response.body ?? new Blob([]).stream()),
  };
};
