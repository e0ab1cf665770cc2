/*
 * Opens what its first argument lists, with the functions that the runtime has. The tests run it in Bun, which the
 * executable is built on: its node:crypto lacks ChaCha20-Poly1305 and ML-KEM.
 *
 * Input: { "env": variables, "wrapped": [{ "recipient", "enc" }] }. Output: hexadecimal data keys, then new wraps.
 */
import { DataKey } from "../../src/core/data-key.ts";
import { createNodeHost } from "../../src/host/node-host.ts";
import { ageProvider } from "../../src/keys/age.ts";
import { generateIdentity } from "../../src/keys/keygen.ts";

interface Input {
  readonly env: Readonly<Record<string, string>>;
  readonly wrapped: readonly { readonly recipient: string; readonly enc: string }[];
}

const input: Input = JSON.parse(process.argv[2] ?? "{}");
const host = createNodeHost({ env: input.env });
const context = { host, log: { info: () => undefined, warn: () => undefined } };
const opened: (string | null)[] = [];
const sealed: string[] = [];
for (const { recipient, enc } of input.wrapped) {
  const key = { type: "age", recipient } as const;
  const dataKey = await ageProvider.unwrap({ key, enc }, context);
  opened.push(dataKey && Buffer.from(dataKey.reveal()).toString("hex"));
  sealed.push(await ageProvider.wrap(key, dataKey ?? new DataKey(new Uint8Array(32)), context));
}
const generated = await Promise.all(
  [false, true].map(async (postQuantum) => {
    const random = (length: number): Uint8Array => new Uint8Array(length).fill(1);
    const { recipient } = await generateIdentity({ postQuantum, host: { random, now: () => 0 } });
    return recipient;
  }),
);
process.stdout.write(JSON.stringify({ opened, sealed, generated }));
