import type { Log } from "../../src/core/ports.ts";
import { KsealError } from "../../src/errors.ts";
import type { OpContext } from "../../src/ops/context.ts";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { type ContextOptions, createContext } from "../../src/wiring.ts";
import { identities, recipients } from "../support/identities.ts";
import { createTestHost, type TestHost } from "../support/test-host.ts";

/** The recipients of the tests: `mine` opens with the identity that the workbench holds, the others do not. */
export const [mine = "", theirs = "", others = ""] = recipients;

/** A folder with files, a host on it, and the context of the operations. */
export interface Workbench {
  readonly host: TestHost;
  readonly context: OpContext;
  /** What was logged: `note: ...` and `warning: ...`. */
  readonly log: readonly string[];
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  /** Another context on the same folder, as another run has it. */
  again(options?: ContextOptions): Promise<OpContext>;
}

/** Recipients of a rule for every file. */
export const ruleForMe = `creation_rules:\n  - age: ${mine}\n`;

export async function workbench(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: { env?: Record<string, string>; context?: ContextOptions } = {},
): Promise<Workbench> {
  const env = { SOPS_AGE_KEY: identities[0] ?? "", ...options.env };
  const host = await createTestHost({ env, files });
  const messages: string[] = [];
  const log: Log = {
    info: (text) => messages.push(`note: ${text}`),
    warn: (text) => messages.push(`warning: ${text}`),
  };
  const again = (more: ContextOptions = {}): Promise<OpContext> =>
    createContext(host, { log, ...options.context, ...more });
  return {
    host,
    context: await again(),
    log: messages,
    read: async (path) => new TextDecoder().decode(await host.readFile(path)),
    write: (path, text) => host.createFile(path, new TextEncoder().encode(text), { overwrite: true }),
    again,
  };
}

/**
 * A workbench whose files are encrypted, for `mine` unless a rule or recipients say otherwise.
 *
 * @param content - The files by their names, or the text of `a.yaml`.
 * @param options.beside - Files that stay in clear.
 */
export async function encrypted(
  content: string | Readonly<Record<string, string>> = secret,
  options: {
    rule?: string;
    recipients?: readonly string[];
    beside?: Readonly<Record<string, string>>;
    env?: Record<string, string>;
  } = {},
): Promise<Workbench> {
  const files = typeof content === "string" ? { "a.yaml": content } : content;
  const { rule = ruleForMe, recipients: age, beside, env = {} } = options;
  const bench = await workbench({ ...files, ...beside, ".sops.yaml": rule }, { env });
  const keys = age === undefined ? undefined : { age };
  await encryptFiles({ paths: Object.keys(files), destination: inPlace, keys }, bench.context);
  return bench;
}

/** What an encrypted file says, to a run that has opened nothing before. */
export async function plain({ again }: Workbench, path = "a.yaml"): Promise<string> {
  const { stream } = await decryptFiles({ paths: [path], destination: toCaller }, await again());
  return new TextDecoder().decode(stream);
}

/** The failure of an operation, which must be one that the user can act on. */
export async function failureOf(work: Promise<unknown>): Promise<KsealError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof KsealError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

export const inPlace = { to: "in-place" } as const;
export const toCaller = { to: "caller" } as const;

export const secret = `apiVersion: v1
kind: Secret
metadata:
  name: database   # who it is for
stringData:
  user: admin
  # rotated every month
  password: "correct horse"
`;

/** Adds two wrapped keys of a type that nobody knows to the metadata of a YAML file. */
export async function addUnknownKeys({ read, write }: Workbench, path: string): Promise<void> {
  const text = await read(path);
  const lines = (id: string) => [
    `  - created_at: "2026-01-01T00:00:00Z"`,
    `    enc: wrapped-for-${id}`,
    `    id: ${id}`,
  ];
  const indented = ["future_kms:", ...lines("first"), ...lines("second")].map((line) => `$1${line}\n`);
  await write(path, text.replace(/^( +)(?=lastmodified:)/m, `${indented.join("")}$1`));
}
