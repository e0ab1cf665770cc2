import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { secret, type Workshop } from "./inputs.ts";
import type { Side } from "./measure.ts";
import type { Row } from "./rows.ts";

/** A key of one source, and how both programs get at it. */
export interface KeyServer {
  readonly title: string;
  readonly flag: readonly [name: string, key: string];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

type Command = readonly [string, ...string[]];

/** Starts a server for every source of keys, on this machine. */
export async function startKeyServers(): Promise<{ servers: readonly KeyServer[]; close(): Promise<void> }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "serve-keys.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    ended.then(() => Promise.reject(new Error("the key servers did not start"))),
  ]);
  return {
    servers: JSON.parse(String(line)),
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** The rows for keys that are asked for over the network, or by another program. */
export function keyRows(
  workshop: Workshop,
  kseal: Command,
  servers: readonly KeyServer[],
  options: { readonly quick: boolean },
): readonly Row[] {
  const { quick } = options;
  const [aws] = servers;
  return [
    ...servers.map((server): Row => {
      const files = () => encryptedFiles(workshop, kseal, server, 1);
      return {
        work: `decrypt one small file with a key of ${server.title}`,
        ours: () => side(workshop, server, "kseal decrypt", [...kseal, "decrypt", ...files()]),
        theirs: () => side(workshop, server, "sops -d", [workshop.sops, "-d", ...files()]),
        target: server.title === "OpenBao" ? 1.5 : undefined,
        pairs: quick ? 7 : 30,
      };
    }),
    ...(aws === undefined ? [] : manyRows(workshop, kseal, aws, quick)),
  ];
}

function manyRows(workshop: Workshop, kseal: Command, server: KeyServer, quick: boolean): readonly Row[] {
  const count = quick ? 100 : 1000;
  const row = (work: string, files: () => readonly string[], target: number | undefined): Row => ({
    work: `decrypt ${count} files ${work}, one command, against sops on each, two at a time`,
    ours: () =>
      side(workshop, server, "kseal decrypt FOLDER", [...kseal, "decrypt", dirname(files()[0] ?? "")]),
    theirs: () => ({
      ...side(
        workshop,
        server,
        "sops -d each",
        ...files().map((file): Command => [workshop.sops, "-d", file]),
      ),
      atOnce: 2,
    }),
    target,
    pairs: 3,
  });
  return [
    row(
      `with one key of ${server.title}`,
      () => encryptedFiles(workshop, kseal, server, count),
      count === 1000 ? 0.125 : undefined,
    ),
    row(
      `that share 10 data keys under one key of ${server.title}`,
      () => copiedFiles(workshop, encryptedFiles(workshop, kseal, server, 10), count),
      undefined,
    ),
  ];
}

function side({ folder }: Workshop, { env }: KeyServer, label: string, ...commands: Command[]): Side {
  return { label, commands, cwd: folder, env };
}

/** Small files for the key of a server, each with a data key of its own. */
function encryptedFiles(
  { folder }: Workshop,
  kseal: Command,
  { title, flag, env }: KeyServer,
  count: number,
): readonly string[] {
  const place = join(folder, `${title.replaceAll(" ", "-")}-${count}`);
  const files = Array.from({ length: count }, (_, index) => join(place, `${index}.yaml`));
  if (existsSync(place)) return files;
  mkdirSync(place);
  for (const [index, file] of files.entries()) writeFileSync(file, secret(index));
  const [program, ...args] = kseal;
  execFileSync(program, [...args, "encrypt", "-i", ...flag, ...files], { cwd: folder, env, stdio: "pipe" });
  return files;
}

/** So many copies of some files, which keep their wrapped data keys. */
function copiedFiles({ folder }: Workshop, originals: readonly string[], count: number): readonly string[] {
  const place = join(folder, `copies-${count}`);
  const isNew = !existsSync(place);
  if (isNew) mkdirSync(place);
  return Array.from({ length: count }, (_, index) => {
    const original = originals[index % originals.length] ?? "";
    const file = join(place, `${index}-${basename(original)}`);
    if (isNew) copyFileSync(original, file);
    return file;
  });
}
