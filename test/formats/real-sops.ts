import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { peer } from "../support/peers.ts";

// Throw-away test constants of getsops/sops.
const recipient = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
/** Opens what {@link RealSops.encrypt} made. */
export const identity = "AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7";

const suffixes = { yaml: "yaml", json: "json", dotenv: "env", ini: "ini", binary: "bin" } as const;

type SopsFormat = keyof typeof suffixes;

/** The real `sops` of a version for comparing texts. */
export interface RealSops {
  encrypt(text: string | Uint8Array, from: SopsFormat, ...flags: readonly string[]): Buffer;
  decrypt(text: string | Uint8Array, from: SopsFormat, ...flags: readonly string[]): Buffer;
}

/** `undefined` when this version is not installed. */
export function realSops(version?: string): RealSops | undefined {
  const program = peer("sops", version);
  if (program === undefined) return undefined;
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: "/nonexistent",
    SOPS_AGE_KEY: identity,
    SOPS_DISABLE_VERSION_CHECK: "1",
  };
  // A file, because the older versions read no standard input.
  const run = (text: string | Uint8Array, args: readonly string[]) => {
    const folder = makeFolder({ file: text });
    try {
      return execFileSync(program, [...args, join(folder, "file")], {
        env,
        stdio: "pipe",
        maxBuffer: 1 << 30,
      });
    } finally {
      removeFolder(folder);
    }
  };
  const types = (from: SopsFormat, flags: readonly string[]) => [
    ...["--input-type", from],
    ...(flags.includes("--output-type") ? [] : ["--output-type", from]),
    ...flags,
  ];
  return {
    encrypt: (text, from, ...flags) =>
      run(text, [
        ...["encrypt", "--age", recipient, "--filename-override", `x.${suffixes[from]}`],
        ...types(from, flags),
      ]),
    decrypt: (text, from, ...flags) => run(text, ["--decrypt", ...types(from, flags)]),
  };
}
