import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { peer } from "../test/support/peers.ts";
import { manyFiles, smallFile, type Workshop } from "./inputs.ts";
import type { Side } from "./measure.ts";
import type { Builds, Row } from "./rows.ts";

const count = 100;

/** Kustomize with kseal as its plugin in the place of KSOPS, against one cold `sops -d`: what KSOPS itself was measured with. */
export function renderRows(
  workshop: Workshop,
  builds: Builds,
  { quick }: { readonly quick: boolean },
): readonly Row[] {
  const kustomize = peer("kustomize");
  if (kustomize === undefined) return [];
  const theirs = (): Side => ({
    label: "sops -d",
    commands: [[workshop.sops, "-d", smallFile(workshop)]],
    cwd: workshop.folder,
    env: workshop.env,
  });
  const build = (how: "executable" | "on Node", generators: number) => (): Side => ({
    label: "kustomize build",
    commands: [[kustomize, "build", "--enable-alpha-plugins", "--enable-exec", "."]],
    cwd: kustomization(workshop, generators),
    env: { ...workshop.env, PATH: `${pluginFolder(workshop, builds, how)}:${workshop.env["PATH"]}` },
  });
  const row = (how: "executable" | "on Node", generators: number, target: number): Row => ({
    work: `kustomize build, ${generators === 1 ? `one generator with ${count} files` : `${generators} generators of one file`}, ${how}`,
    ours: build(how, generators),
    theirs,
    target,
    pairs: quick ? (generators === 1 ? 5 : 2) : generators === 1 ? 40 : 15,
  });
  return [
    ...(existsSync(builds.executable) ? [row("executable", 1, 8), row("executable", count, 110)] : []),
    row("on Node", 1, 14),
  ];
}

/** A kustomization whose generators have all the files between them. */
function kustomization(workshop: Workshop, generators: number): string {
  const folder = join(workshop.folder, `kustomize-${generators}`);
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  const { files } = manyFiles(workshop, count);
  const names = files.map((file, at) => {
    copyFileSync(file, join(folder, `${at}.enc.yaml`));
    return `${at}.enc.yaml`;
  });
  const each = count / generators;
  const documents = Array.from({ length: generators }, (_, at) => `generator-${at}.yaml`);
  for (const [at, document] of documents.entries()) {
    const own = names.slice(at * each, (at + 1) * each).map((name) => `  - ${name}\n`);
    writeFileSync(
      join(folder, document),
      `apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: g-${at}\n  annotations:\n    config.kubernetes.io/function: "exec: {path: ksops}"\nfiles:\n${own.join("")}`,
    );
  }
  const list = documents.map((document) => `  - ${document}\n`).join("");
  writeFileSync(join(folder, "kustomization.yaml"), `generators:\n${list}`);
  return folder;
}

/** A folder for PATH in which kseal is called `ksops`. */
function pluginFolder(
  workshop: Workshop,
  { executable, bundle }: Builds,
  how: "executable" | "on Node",
): string {
  const folder = join(workshop.folder, how === "executable" ? "plugin-executable" : "plugin-node");
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  const ksops = join(folder, "ksops");
  if (how === "executable") symlinkSync(executable, ksops);
  else
    writeFileSync(ksops, `#!/bin/sh\nexec '${process.execPath}' '${bundle}' ksops "$@"\n`, { mode: 0o755 });
  return folder;
}
