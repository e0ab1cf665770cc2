import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, removeFolder } from "./folders.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";

/** A key pair in a {@link GpgHome}: one that signs, with a subkey that encrypts. */
export interface PgpTestKey {
  readonly fingerprint: string;
  /** The fingerprint of each subkey, in the order in which they were made. */
  readonly subkeys: readonly string[];
}

/** A real GnuPG with a home of its own, an agent of its own and a pinentry that the tests answer for. */
export interface GpgHome {
  /** What GNUPGHOME is set to. */
  readonly folder: string;
  /** The whole environment for programs that use it. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs gpg and fails the test when it fails. */
  run(args: readonly string[], stdin?: Uint8Array | string): Promise<string>;
  /**
   * Makes a key.
   *
   * @param options.passphrase - None when left out.
   * @param options.madeAt - As `20200101T000000`, for keys that are old already.
   * @param options.expires - As `2d`, for the key and for its subkeys; `never` when left out.
   */
  generate(
    name: string,
    options?: {
      readonly passphrase?: string;
      readonly madeAt?: string;
      readonly expires?: string;
      readonly subkeyExpires?: string;
      readonly subkeys?: number;
    },
  ): Promise<PgpTestKey>;
  /** Takes over a key, secret half and all or the public half alone, from another home. */
  import(from: GpgHome, fingerprint: string, options?: { readonly secret?: boolean }): Promise<void>;
  /** What the pinentry gives from now on, question by question; `cancel` is the button. The agent forgets the rest. */
  answer(...answers: readonly string[]): Promise<void>;
  /** What the pinentry was told so far: `GETPIN`, `OPTION ttyname=/dev/pts/1`. */
  asked(): readonly string[];
  /** Stops the agent and forgets all passphrases. The next gpg starts it again. */
  stopAgent(): Promise<void>;
  close(): Promise<void>;
}

/** A pinentry without a screen: https://www.gnupg.org/documentation/manuals/assuan/ */
const pinentry = `#!/bin/sh
cd "$(dirname "$0")"
echo "OK the tests are here"
while read -r line; do
  echo "$line" >> asked
  case "$line" in
    GETPIN)
      answer=$(head -n 1 answers); sed -i 1d answers
      if [ "$answer" = cancel ]; then echo "ERR 83886179 cancelled"
      elif [ -z "$answer" ]; then echo "ERR 83918950 Inappropriate ioctl for device"
      else echo "D $answer"; echo OK; fi ;;
    BYE) echo OK; exit ;;
    *) echo OK ;;
  esac
done
`;

export async function createGpgHome(): Promise<GpgHome> {
  const root = makeFolder({ answers: "", asked: "", pinentry });
  const folder = join(root, "g");
  mkdirSync(folder, { mode: 0o700 });
  chmodSync(join(root, "pinentry"), 0o755);
  // The agent would first measure for seconds how long a passphrase can be made to take.
  const configuration = ["s2k-count 65536", `pinentry-program ${join(root, "pinentry")}`];
  writeFileSync(join(folder, "gpg-agent.conf"), `${configuration.join("\n")}\n`);
  const env = { PATH: process.env["PATH"] ?? "", HOME: root, GNUPGHOME: folder, LC_ALL: "C" };

  const execute = (args: readonly string[], stdin?: Uint8Array | string): Promise<ProgramResult> =>
    runProgram(["gpg", "--batch", "--quiet", ...args], { cwd: root, env, ...(stdin && { stdin }) });
  const run: GpgHome["run"] = async (args, stdin) => {
    const { status, stdout, stderr } = await execute(args, stdin);
    if (status !== 0) throw new Error(`gpg ${args.join(" ")}: ${stderr}`);
    return stdout.toString("latin1");
  };
  const stopAgent = async (): Promise<void> => {
    await runProgram(["gpgconf", "--kill", "gpg-agent"], { cwd: root, env });
  };

  return {
    folder,
    env,
    run,
    stopAgent,
    generate: async (name, options = {}) => {
      const { passphrase = "", madeAt, expires = "never", subkeyExpires = expires, subkeys = 1 } = options;
      const time = madeAt === undefined ? [] : ["--faked-system-time", madeAt];
      const unlocked = ["--pinentry-mode", "loopback", "--passphrase", passphrase, ...time];
      await run([...unlocked, "--quick-generate-key", name, "ed25519", "cert,sign", expires]);
      const [fingerprint = ""] = await fingerprints(run, name);
      for (let i = 0; i < subkeys; i++) {
        await run([...unlocked, "--quick-add-key", fingerprint, "cv25519", "encr", subkeyExpires]);
      }
      // The agent has the passphrase in its memory now.
      if (passphrase !== "") await stopAgent();
      return { fingerprint, subkeys: (await fingerprints(run, name)).slice(1) };
    },
    import: async (from, fingerprint, { secret = false } = {}) => {
      const flags = ["--armor", secret ? "--export-secret-keys" : "--export", fingerprint];
      await run(["--import"], await from.run(flags));
    },
    answer: async (...answers) => {
      await stopAgent();
      writeFileSync(join(root, "answers"), answers.map((answer) => `${answer}\n`).join(""));
      writeFileSync(join(root, "asked"), "");
    },
    asked: () => readFileSync(join(root, "asked"), "utf8").split("\n").slice(0, -1),
    close: async () => {
      await runProgram(["gpgconf", "--kill", "all"], { cwd: root, env });
      removeFolder(root);
    },
  };
}

async function fingerprints(run: GpgHome["run"], name: string): Promise<string[]> {
  const listing = await run(["--with-colons", "--list-keys", `=${name}`]);
  return [...listing.matchAll(/^fpr:{9}([0-9A-F]+):/gm)].map(([, fingerprint]) => fingerprint ?? "");
}
