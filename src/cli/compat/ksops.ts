import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import { version } from "../../version.ts";
import { Output } from "../output.ts";
import { runRender } from "../render-run.ts";

/** The version of KSOPS whose place kseal takes. */
const upstreamVersion = "4.5.1";

const usage = `kseal in the place of KSOPS: makes Secrets of encrypted files for Kustomize.

kustomize build --enable-alpha-plugins --enable-exec .     ksops is called by Kustomize
ksops GENERATOR.yaml                                       as a legacy plugin does
ksops < RESOURCE-LIST.yaml                                 as a KRM function does
ksops install [--with-kustomize] FOLDER                    copies the program into a folder
`;

/**
 * Runs a command line of KSOPS. What it makes of its documents is the same; what it says when something is wrong is not:
 * nothing goes to standard output then, and neither the document nor anything decrypted is shown.
 *
 * @returns The exit status: 0 or 1.
 */
export async function runKsops(args: readonly string[], host: Host): Promise<number> {
  const [first, ...rest] = args;
  if (first === "install") return await install(rest, host);
  if (first === "--version" || first === "version")
    return say(`kseal ${version} in the place of KSOPS ${upstreamVersion}\n`, host);
  if (first === "--help" || first === "-h" || rest.length > 0) return say(usage, host);
  if (first === undefined && host.terminal.stdinIsTerminal) return say(usage, host);
  const input = first === undefined ? await host.readStdin() : undefined;
  if (input?.length === 0) return say(usage, host);
  let limit: number | undefined;
  try {
    limit = limitOf(host);
  } catch (error) {
    new Output(host, { format: "text", name: "ksops" }).failure(error);
    return 1;
  }
  return await runRender(
    {
      as: "ksops",
      file: first,
      ...(input === undefined ? {} : { input }),
      ...(limit === undefined ? {} : { limit }),
    },
    host,
  );
}

/** All of this is a failure for KSOPS, which takes such words for the name of a file. */
function say(text: string, host: Host): number {
  host.writeStderr(text);
  return 1;
}

/** @throws KsealError `USAGE` for anything but a number from 1. */
function limitOf({ env }: Host): number | undefined {
  const text = env["KSOPS_CONCURRENCY_LIMIT"] ?? "";
  if (text === "") return undefined;
  const limit = /^[+-]?\d{1,18}$/.test(text) ? Number(text) : 0;
  if (limit >= 1) return limit;
  throw new KsealError("USAGE", "KSOPS_CONCURRENCY_LIMIT is no number from 1", {
    hint: "it says how many files are decrypted at a time; without it 20 are",
  });
}

async function install(args: readonly string[], host: Host): Promise<number> {
  const withKustomize = args.includes("--with-kustomize");
  const [folder, ...more] = args.filter((word) => word !== "--with-kustomize");
  const output = new Output(host, { format: "text", name: "ksops" });
  try {
    if (folder === undefined || more.length > 0) {
      throw new KsealError("USAGE", "install needs one folder", {
        hint: "ksops install [--with-kustomize] FOLDER",
      });
    }
    if ((await host.stat(folder))?.kind !== "folder") {
      throw new KsealError("NO_FILE", "no such folder", { where: { file: folder } });
    }
    const { installInto } = await import("../../ops/install.ts");
    const written = await installInto({ folder, name: "ksops", withKustomize }, { host });
    for (const path of written) await host.writeStdout(`installed ${path}\n`);
    return 0;
  } catch (error) {
    output.failure(error);
    return 1;
  }
}
