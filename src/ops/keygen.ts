import { KsealError } from "../errors.ts";
import { keysFile } from "../keys/identity-sources.ts";
import { generateIdentity } from "../keys/keygen.ts";
import type { OpContext } from "./context.ts";

export interface KeygenOptions {
  readonly postQuantum: boolean;
  /** A new file for the identity. */
  readonly out?: string | undefined;
  /** Adds the identity to the file where kseal and SOPS look for identities. */
  readonly save: boolean;
  readonly dryRun: boolean;
}

export interface KeygenResult {
  /** The identity file. Secret. */
  readonly text: string;
  readonly recipient: string;
  readonly writtenTo: string | undefined;
}

/**
 * Makes an age identity. Files get mode 0600; one that exists is never replaced, only the user's `keys.txt` is added
 * to.
 */
export async function makeIdentity(options: KeygenOptions, context: OpContext): Promise<KeygenResult> {
  const { host } = context;
  if (options.save && options.out !== undefined) {
    throw new KsealError("USAGE", "--save and --out exclude each other");
  }
  const identity = await generateIdentity({ postQuantum: options.postQuantum, host });
  const text = identity.fileText();
  const writtenTo = options.save ? keysFile({ host, log: context.log }) : options.out;
  if (writtenTo !== undefined && !options.dryRun) {
    await (options.save ? saveIdentity(writtenTo, text, context) : writeNew(writtenTo, text, context));
  }
  return { text, recipient: identity.recipient, writtenTo };
}

async function writeNew(path: string, text: string, { host }: OpContext): Promise<void> {
  if ((await host.stat(path)) !== undefined) {
    throw new KsealError("OUTPUT_UNWRITABLE", "the file exists, and an identity in it could be lost", {
      hint: "choose another name, or move the file away",
      where: { file: path },
    });
  }
  await host.createFile(path, new TextEncoder().encode(text));
}

async function saveIdentity(path: string, text: string, { host }: OpContext): Promise<void> {
  await host.makeFolder(host.resolve(path, ".."));
  await host.withLock(path, async () => {
    if ((await host.stat(path)) === undefined) {
      await host.createFile(path, new TextEncoder().encode(text));
      return;
    }
    const before = await host.readFile(path);
    const gap = before.length === 0 || before.at(-1) === 0x0a ? "" : "\n";
    const bytes = new Uint8Array([...before, ...new TextEncoder().encode(`${gap}${text}`)]);
    await host.replaceFiles([{ path, bytes, expect: before }]);
  });
}
