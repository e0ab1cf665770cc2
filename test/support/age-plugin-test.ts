/*
 * An age plugin that does as it is told: `age-plugin-test`, for kseal and for the real age. Recipient and identity
 * carry the same 32-byte key. The variable AGE_PLUGIN_TEST lists, one a line, what it does before it answers:
 *
 *     msg TEXT | public TEXT = ANSWER | secret TEXT = ANSWER | confirm TEXT = yes/no | error TEXT | labels A B
 *     unknown | noise | leave | nothing | wrong-index | twice
 *
 * An answer that is not the expected one becomes an error. AGE_PLUGIN_TEST_LOG names a file for what it was sent.
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseBodyLine, parseStanzaLine, printStanza, type Stanza } from "../../src/keys/age-header.ts";
import { decodeBech32 } from "../../src/keys/bech32.ts";
import { encodeUnpadded } from "../../src/keys/unpadded-base64.ts";

const mode = process.argv[2]?.replace("--age-plugin=", "");
const script = (process.env["AGE_PLUGIN_TEST"] ?? "").split("\n").filter((line) => line !== "");
const log = process.env["AGE_PLUGIN_TEST_LOG"];
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const nonce = new Uint8Array(12);

async function nextLine(): Promise<string> {
  const { value, done } = await lines.next();
  if (done) process.exit(1);
  return value;
}

async function receive(): Promise<Stanza> {
  const line = await nextLine();
  if (log !== undefined) appendFileSync(log, `${line}\n`);
  const args = parseStanzaLine(line);
  const parts: Uint8Array[] = [];
  for (;;) {
    const { bytes, isLast } = parseBodyLine(await nextLine());
    parts.push(bytes);
    if (isLast) return { args, body: Buffer.concat(parts) };
  }
}

function send(type: string, args: readonly string[] = [], body: string | Uint8Array = ""): void {
  process.stdout.write(printStanza({ args: [type, ...args], body: Buffer.from(body) }));
}

async function ask(type: string, args: readonly string[], body: string | Uint8Array): Promise<Stanza> {
  send(type, args, body);
  return await receive();
}

async function report(text: string): Promise<void> {
  await ask("error", ["internal"], text);
}

async function expectAnswer(answer: Stanza, expected: string): Promise<void> {
  const text = answer.args[0] === "ok" ? [...answer.args.slice(1), answer.body].join("") : answer.args[0];
  if (text !== expected) await report(`the answer was ${text}`);
}

/** Does one line of the script; false means that nothing more is to be done. */
async function act(line: string): Promise<boolean> {
  const [action = "", ...words] = line.split(" ");
  const [text = "", expected = ""] = words.join(" ").split(" = ");
  switch (action) {
    case "msg":
      await expectAnswer(await ask("msg", [], text), "");
      return true;
    case "public":
    case "secret":
      await expectAnswer(await ask(`request-${action}`, [], text), expected);
      return true;
    case "confirm": {
      const choices = ["Go on", "Stop"].map((choice) => encodeUnpadded(Buffer.from(choice)));
      await expectAnswer(await ask("confirm", choices, text), expected);
      return true;
    }
    case "labels":
      if (mode === "recipient-v1") await ask("labels", words, "");
      return true;
    case "unknown":
      await expectAnswer(await ask("dance", ["1"], ""), "unsupported");
      return true;
    case "noise":
      process.stdout.write("this is no stanza\n");
      return true;
    case "error":
      await report(text);
      return true;
    default:
      return !["leave", "nothing"].includes(action);
  }
}

function seal(key: Uint8Array, fileKey: Uint8Array): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  return Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
}

function open(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const cipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAuthTag(sealed.subarray(-16));
  const fileKey = cipher.update(sealed.subarray(0, -16));
  try {
    cipher.final();
    return fileKey;
  } catch {
    return undefined;
  }
}

async function collect(): Promise<Stanza[]> {
  const sent: Stanza[] = [];
  for (let stanza = await receive(); stanza.args[0] !== "done"; stanza = await receive()) sent.push(stanza);
  return sent;
}

async function serve(key: Uint8Array, sent: readonly Stanza[]): Promise<void> {
  const index = script.includes("wrong-index") ? "7" : "0";
  for (const { args, body } of sent) {
    if (args[0] === "wrap-file-key") await ask("recipient-stanza", [index, "test", "1"], seal(key, body));
    if (args[0] !== "recipient-stanza" || args[2] !== "test") continue;
    const fileKey = open(key, body);
    if (fileKey) await ask("file-key", [index], fileKey);
  }
}

async function main(): Promise<void> {
  const sent = await collect();
  for (const line of script) {
    if (await act(line)) continue;
    if (line === "nothing") send("done");
    return;
  }
  const keys = sent
    .filter(({ args }) => args[0] === "add-recipient" || args[0] === "add-identity")
    .map(({ args }) => decodeBech32(args[1] ?? "")?.data ?? new Uint8Array(32));
  for (const key of script.includes("twice") ? [...keys, ...keys] : keys) await serve(key, sent);
  send("done");
}

await main();
process.exit(0);
