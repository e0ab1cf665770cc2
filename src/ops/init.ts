import { findConfig } from "../config/find.ts";
import { parseConfig } from "../config/rules.ts";
import { KsealError } from "../errors.ts";
import { identitiesOf } from "../keys/identities.ts";
import { keysFile } from "../keys/identity-sources.ts";
import { parseAgeRecipient } from "../keys/recipients.ts";
import { schemaComment } from "./config-schema.ts";
import type { OpContext } from "./context.ts";
import { makeIdentity } from "./keygen.ts";

const defaultPathRegex = "\\.ya?ml$";

export interface InitOptions {
  /** Recipients for the first rule; without any, the identities at hand are used, or one is made. */
  readonly recipients: readonly string[];
  readonly postQuantum: boolean;
  /** The files that the first rule is for; all YAML files when left out. */
  readonly pathRegex?: string | undefined;
  /** Makes an identity without asking. */
  readonly yes: boolean;
  readonly dryRun: boolean;
  /** Of kseal: editors are told the schema of this version. */
  readonly version: string;
}

export interface InitResult {
  readonly recipients: readonly string[];
  /** The path of the `.sops.yaml`. */
  readonly config: string;
  /** What was done, a line each. */
  readonly done: readonly string[];
  /** Commands to type next. */
  readonly next: readonly string[];
}

/**
 * Sets up a folder: an identity if the user has none, and a `.sops.yaml` whose first rule encrypts Secrets. Nothing
 * that exists is overwritten; a `.sops.yaml` that has no creation rule gets its first.
 *
 * @throws KsealError `OUTPUT_UNWRITABLE` when this folder or one above it has a `.sops.yaml` with rules already.
 */
export async function initFolder(options: InitOptions, context: OpContext): Promise<InitResult> {
  const { host, log } = context;
  const existing = await findConfig(host, { file: undefined, from: "working-folder" }, log);
  const before = existing === undefined ? undefined : await withoutRules(existing, context);
  const done: string[] = [];
  const recipients = await chooseRecipients(options, done, context);
  const config = existing ?? host.resolve(host.cwd, ".sops.yaml");
  const rule = configText(recipients, options.pathRegex ?? defaultPathRegex);
  const start = before?.text ?? `${await schemaComment(host, host.cwd, options.version)}\n`;
  const text = new TextEncoder().encode(`${start}${rule}`);
  // A pattern that does not compile is found now, not when the first file is encrypted.
  parseConfig(text, config);
  if (!options.dryRun) {
    if (before === undefined) await host.createFile(config, text, { mode: 0o644 });
    else await host.replaceFiles([{ path: config, bytes: text, expect: before.bytes }]);
  }
  const verb = before === undefined ? ["wrote", "would write"] : ["added a rule to", "would add a rule to"];
  done.push(`${verb[options.dryRun ? 1 : 0]} ${config}`);
  return { recipients, config, done, next: ["kseal encrypt -i FILE", "git add .sops.yaml FILE"] };
}

/**
 * A configuration that has no creation rule yet: `kseal cert pin` makes one when it is the first.
 *
 * @throws KsealError `OUTPUT_UNWRITABLE` when it has some, which only a person may add to.
 */
async function withoutRules(
  path: string,
  { host }: OpContext,
): Promise<{ readonly text: string; readonly bytes: Uint8Array }> {
  const bytes = await host.readFile(path);
  const { rules } = parseConfig(bytes, path);
  const text = new TextDecoder().decode(bytes);
  // Behind a mapping in braces or a second document no key can stand.
  if (rules === undefined && !/^(\{|---|\.\.\.)/m.test(text)) {
    return { bytes, text: text === "" || text.endsWith("\n") ? text : `${text}\n` };
  }
  throw new KsealError("OUTPUT_UNWRITABLE", "there is a configuration for this folder already", {
    hint: "add a rule there; to give this folder a configuration of its own, copy the file here first",
    where: { file: path },
  });
}

async function chooseRecipients(
  options: InitOptions,
  done: string[],
  context: OpContext,
): Promise<readonly string[]> {
  if (options.recipients.length > 0) return options.recipients.map((text) => parseAgeRecipient(text).text);
  // An SSH key is for logging in; it becomes a recipient only when the user names it.
  const atHand = (await identitiesOf(context).recipients()).filter((recipient) =>
    recipient.startsWith("age1"),
  );
  if (atHand.length > 0 && !options.postQuantum) {
    done.push(`found ${atHand.length === 1 ? "an identity" : `${atHand.length} identities`} of yours`);
    return atHand;
  }
  await askForIdentity(options, context);
  const { postQuantum, dryRun } = options;
  const identity = await makeIdentity({ postQuantum, save: true, dryRun }, context);
  const verb = dryRun ? "would make" : "made";
  done.push(`${verb} an age identity in ${identity.writtenTo}; keep a copy where it survives this machine`);
  return [identity.recipient];
}

async function askForIdentity({ yes, dryRun }: InitOptions, { host, log }: OpContext): Promise<void> {
  if (yes || dryRun) return;
  const answer = await host.terminal.ask(`make an age identity in ${keysFile({ host, log })}? [Y/n] `);
  if (answer === undefined) {
    throw new KsealError("USAGE", "there is no terminal to ask whether to make an identity", {
      hint: "add --yes, or name recipients with --age",
    });
  }
  if (!/^(y(es)?)?$/i.test(answer.trim())) {
    throw new KsealError("CHANGES_REFUSED", "nothing was made", { hint: "name recipients with --age" });
  }
}

function configText(recipients: readonly string[], pathRegex: string): string {
  return `# Which files are encrypted, for whom, and which of their values. The first rule that matches counts.
creation_rules:
  - path_regex: ${JSON.stringify(pathRegex)}
    encrypted_regex: ^(data|stringData)$
    age:
${recipients.map((recipient) => `      - ${recipient}\n`).join("")}`;
}
