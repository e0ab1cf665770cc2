import type { Stanza } from "./age-header.ts";
import type { KeyContext } from "./provider.ts";
import { decodeUnpadded } from "./unpadded-base64.ts";

export interface PluginAnswer {
  readonly type: "ok" | "fail" | "unsupported";
  readonly args?: readonly string[];
  readonly body?: Uint8Array;
}

const fail: PluginAnswer = { type: "fail" };
const mostAsked = 3;

/** Answers a plugin's command that speaks to the user; `unsupported` is the answer to every other command. */
export async function answerPlugin(
  stanza: Stanza,
  { program, context }: { program: string; context: KeyContext },
): Promise<PluginAnswer> {
  const { host, log } = context;
  const text = `${program}: ${plainText(stanza.body)}`;
  switch (stanza.args[0]) {
    case "msg":
      log.info(text);
      return { type: "ok" };
    case "request-public":
    case "request-secret": {
      const hidden = stanza.args[0] === "request-secret";
      const answer = await host.terminal.ask(`${text} `, { hidden });
      return answer === undefined ? fail : { type: "ok", body: new TextEncoder().encode(answer) };
    }
    case "confirm":
      return await confirm(text, stanza, context);
    default:
      return { type: "unsupported" };
  }
}

/** What a program said, safe for a terminal. */
export function plainText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  return text.replace(/[\p{C}]+/gu, " ").slice(0, 2000);
}

// The plugin names its choices; one choice only means that the user can agree or interrupt.
async function confirm(text: string, { args }: Stanza, { host }: KeyContext): Promise<PluginAnswer> {
  const [yes, no] = args.slice(1).map((arg) => decodeUnpadded(arg));
  if (!yes || args.length > 3 || (args.length === 3 && !no)) return fail;
  const choices = [`y = ${plainText(yes)}`, ...(no ? [`n = ${plainText(no)}`] : [])];
  for (let asked = 0; asked < mostAsked; asked++) {
    const answer = await host.terminal.ask(`${text} (${choices.join(", ")}) `);
    if (answer === undefined) return fail;
    const word = answer.trim().toLowerCase();
    if (word === "y" || word === "yes") return { type: "ok", args: ["yes"] };
    if (no && (word === "n" || word === "no")) return { type: "ok", args: ["no"] };
  }
  return fail;
}
