import type { ExecResult } from "../core/ports.ts";
import { splitWords } from "../core/shell-words.ts";
import { KsealError } from "../errors.ts";
import { type Loaded, readIdentities } from "./identity-text.ts";
import type { KeyContext } from "./provider.ts";

/** A place where SOPS looks for age identities. */
export interface IdentitySource {
  /** What the user knows it by: a path or the name of a variable. */
  readonly name: string;
  /** Only SSH keys come from here: files without a stanza for them need not look. */
  readonly isSsh: boolean;
  /** Whether the place exists. A variable that is not set is no place. */
  readonly isSet: boolean;
  /** Whether what it gives may depend on the recipient. */
  readonly asksFor: boolean;
  /** `undefined` when there is nothing. */
  load(recipient: string): Promise<Loaded | undefined>;
}

// SOPS reads as much of an identity file under a passphrase.
const limit = 1 << 24;

/** All places, cheap ones first. All identities count, so the order matters only for speed. */
export function identitySources(context: KeyContext): readonly IdentitySource[] {
  const { host } = context;
  const variable = (name: string): string => host.env[name] ?? "";
  const source = (
    name: string,
    load: (value: string, recipient: string) => Promise<Loaded | undefined>,
  ): IdentitySource => ({
    name,
    isSsh: name.includes("SSH"),
    isSet: variable(name) !== "",
    asksFor: name.endsWith("_CMD"),
    load: async (recipient) => (variable(name) === "" ? undefined : await load(variable(name), recipient)),
  });
  const path = (isSsh: boolean, ...parts: string[]): IdentitySource => {
    const name = host.resolve(...parts);
    const load = isSsh ? loadSshFile : loadFile;
    return {
      name,
      isSsh,
      isSet: true,
      asksFor: false,
      load: () => unlessMissing(() => load(name, { source: name, context })),
    };
  };
  return [
    source("SOPS_AGE_KEY", async (value) =>
      readIdentities(new TextEncoder().encode(value), {
        source: "SOPS_AGE_KEY",
        context,
        severalInLine: true,
      }),
    ),
    source("SOPS_AGE_KEY_FILE", (file) => loadFile(file, { source: `SOPS_AGE_KEY_FILE (${file})`, context })),
    path(false, keysFile(context)),
    source("SOPS_AGE_SSH_PRIVATE_KEY_FILE", (file) =>
      loadSshFile(file, { source: `SOPS_AGE_SSH_PRIVATE_KEY_FILE (${file})`, context }),
    ),
    path(true, host.homeDir, ".ssh", "id_ed25519"),
    path(true, host.homeDir, ".ssh", "id_rsa"),
    source("SOPS_AGE_KEY_CMD", async (line, recipient) => {
      const output = await run(line, { recipient, context });
      return readIdentities(output, { source: "SOPS_AGE_KEY_CMD", context });
    }),
    source("SOPS_AGE_SSH_PRIVATE_KEY_CMD", async (line, recipient) => {
      const source = "SOPS_AGE_SSH_PRIVATE_KEY_CMD";
      const output = await run(line, { recipient, context });
      return await readSsh(new TextDecoder().decode(output), { source, context });
    }),
  ];
}

/** The user's own identity file: `sops/age/keys.txt` in the configuration folder. */
export function keysFile({ host }: KeyContext): string {
  return host.resolve(host.configDir, "sops", "age", "keys.txt");
}

interface From {
  readonly source: string;
  readonly context: KeyContext;
}

async function loadFile(path: string, { source, context }: From): Promise<Loaded> {
  return readIdentities(await context.host.readFile(path, { limit }), { source, context });
}

async function loadSshFile(path: string, { source, context }: From): Promise<Loaded> {
  const text = new TextDecoder().decode(await context.host.readFile(path, { limit }));
  return await readSsh(text, { source, context, path });
}

async function readSsh(text: string, { source, context, path }: From & { path?: string }): Promise<Loaded> {
  const { sshIdentity } = await import("./ssh-identity.ts");
  const { host } = context;
  const readPublic = async (): Promise<string> =>
    path === undefined ? "" : new TextDecoder().decode(await host.readFile(`${path}.pub`, { limit }));
  return { identities: [await sshIdentity(text, { source, host, readPublic })], problems: [] };
}

async function unlessMissing(load: () => Promise<Loaded>): Promise<Loaded | undefined> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof KsealError && error.code === "NO_FILE") return undefined;
    throw error;
  }
}

async function run(
  line: string,
  { recipient, context: { host } }: { recipient: string; context: KeyContext },
): Promise<Uint8Array> {
  const [program, ...args] = splitWords(line, "shlex") ?? [];
  if (program === undefined)
    throw new KsealError("DECRYPT_FAILED", "its value is no command: a quote is not closed");
  const env = { ...host.env, SOPS_AGE_RECIPIENT: recipient };
  const { status, stdout }: ExecResult = await host.exec([program, ...args], { env });
  if (status !== 0) {
    throw new KsealError(
      "DECRYPT_FAILED",
      `the command ended with status ${status}; run it by hand to see why`,
    );
  }
  if (stdout.length > limit) throw new KsealError("LIMIT_EXCEEDED", "the command printed too much");
  return stdout;
}
