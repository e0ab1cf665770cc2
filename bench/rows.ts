import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { binaryFiles, manyFiles, smallFile, type Workshop, yamlFiles } from "./inputs.ts";
import { type KeyServer, keyRows } from "./key-rows.ts";
import type { Side } from "./measure.ts";

/** One line of the table: two sides that do the same work. */
export interface Row {
  readonly work: string;
  readonly ours: () => Side;
  readonly theirs: () => Side;
  /** The ratio of times that has to be reached. */
  readonly target: number | undefined;
  /** What the other side's time is multiplied with, where it does a part of the work. */
  readonly theirsTimes?: number;
  /** The ratio of peak memory that has to be reached; memory is measured where there is one. */
  readonly memoryTarget?: number;
  readonly pairs: number;
  /** Rows of one series differ in size alone: their times show whether growth is linear. */
  readonly series?: { readonly name: string; readonly size: number; readonly unit: string };
}

/** The ways to start kseal. */
export interface Builds {
  readonly executable: string;
  readonly bundle: string;
}

type Command = readonly [string, ...string[]];

/** All rows whose programs are built; the others are named in `missing`. */
export function planRows(
  workshop: Workshop,
  builds: Builds,
  options: { readonly quick: boolean; readonly servers: readonly KeyServer[] },
): { rows: readonly Row[]; missing: readonly string[] } {
  const bundled: Command = [process.execPath, builds.bundle];
  const hasExecutable = existsSync(builds.executable);
  // What people install and CI runs is the executable; the bundle stands in where it was not built.
  const kseal: Command = hasExecutable ? [builds.executable] : bundled;
  const rows = [
    ...(hasExecutable ? startRows(workshop, "executable", [builds.executable], options.quick) : []),
    ...startRows(workshop, "on Node", bundled, options.quick),
    ...fileRows(workshop, kseal, options.quick),
    ...yamlRows(workshop, kseal, options.quick),
    ...binaryRows(workshop, kseal, options.quick),
    ...keyRows(workshop, kseal, options.servers, options),
  ];
  return { rows, missing: hasExecutable ? [] : [`the executable (npm run build:exe)`] };
}

function side(workshop: Workshop, label: string, ...commands: Command[]): Side {
  return { label, commands, cwd: workshop.folder, env: workshop.env };
}

function startRows(
  workshop: Workshop,
  how: "executable" | "on Node",
  kseal: Command,
  quick: boolean,
): readonly Row[] {
  const { sops } = workshop;
  const small = () => smallFile(workshop);
  const onNode = how === "on Node";
  const empty = () =>
    side(workshop, "an empty Node program", [process.execPath, join(workshop.folder, "empty.mjs")]);
  const decrypt = () => side(workshop, "kseal decrypt", [...kseal, "decrypt", small()]);
  const version = () => side(workshop, "kseal --version", [...kseal, "--version"]);
  const pairs = quick ? 15 : 100;
  return [
    {
      work: `decrypt one small file, ${how}, against sops`,
      ours: decrypt,
      theirs: () => side(workshop, "sops -d", [sops, "-d", small()]),
      target: onNode ? undefined : 1,
      pairs,
    },
    {
      work: `--version, ${how}, against sops`,
      ours: version,
      theirs: () => side(workshop, "sops --version", [sops, "--version"]),
      target: onNode ? undefined : 0.5,
      pairs,
    },
    ...(onNode
      ? [
          {
            work: "decrypt one small file, on Node, against Node itself",
            ours: decrypt,
            theirs: empty,
            target: 1.5,
            pairs,
          },
          {
            work: "--version, on Node, against Node itself",
            ours: version,
            theirs: empty,
            target: 1.2,
            pairs,
          },
        ]
      : []),
  ];
}

function fileRows(workshop: Workshop, kseal: Command, quick: boolean): readonly Row[] {
  return (quick ? [100] : [100, 300, 1000]).map((count) => ({
    work: `decrypt ${count} small files, one command, against sops on each, two at a time`,
    ours: () =>
      side(workshop, "kseal decrypt FOLDER", [...kseal, "decrypt", manyFiles(workshop, count).folder]),
    theirs: () => ({
      ...side(
        workshop,
        "sops -d each",
        ...manyFiles(workshop, count).files.map((file): Command => [workshop.sops, "-d", file]),
      ),
      atOnce: 2,
    }),
    target: count === 1000 ? 0.1 : undefined,
    pairs: quick ? 3 : 7,
    series: { name: "files", size: count, unit: "files" },
  }));
}

function yamlRows(workshop: Workshop, kseal: Command, quick: boolean): readonly Row[] {
  const { sops, recipient } = workshop;
  return (quick ? [10_000] : [10_000, 30_000, 100_000]).flatMap((values) => {
    const files = () => yamlFiles(workshop, values);
    const copy = (name: string) => {
      const target = join(workshop.folder, `${name}-${values}.yaml`);
      copyFileSync(files().encrypted, target);
      return target;
    };
    const path = '["group_00001"]["key_000105"]';
    const size = `YAML of ${values / 10_000} MB, ${values.toLocaleString("en")} values`;
    const pairs = quick ? 3 : 5;
    const isLargest = values === 100_000;
    const common = { ...(isLargest ? { memoryTarget: 1 } : {}), target: isLargest ? 0.4 : undefined, pairs };
    return [
      {
        ...common,
        work: `decrypt ${size}`,
        ours: () => side(workshop, "kseal decrypt", [...kseal, "decrypt", files().encrypted]),
        theirs: () => side(workshop, "sops -d", [sops, "-d", files().encrypted]),
        series: { name: "YAML decrypt", size: values, unit: "values" },
      },
      {
        ...common,
        work: `encrypt ${size}`,
        ours: () => side(workshop, "kseal encrypt", [...kseal, "encrypt", "--age", recipient, files().plain]),
        theirs: () => side(workshop, "sops -e", [sops, "-e", "--age", recipient, files().plain]),
        series: { name: "YAML encrypt", size: values, unit: "values" },
      },
      {
        ...common,
        work: `set one value in ${size}`,
        ours: () => ({
          ...side(workshop, "kseal set --value-stdin", [
            ...kseal,
            "set",
            "--value-stdin",
            copy("ours"),
            path,
          ]),
          stdin: '"changed"',
        }),
        theirs: () => ({
          ...side(workshop, "sops set --value-stdin", [sops, "set", "--value-stdin", copy("theirs"), path]),
          stdin: '"changed"',
        }),
        series: { name: "YAML set", size: values, unit: "values" },
      },
    ];
  });
}

function binaryRows(workshop: Workshop, kseal: Command, quick: boolean): readonly Row[] {
  const { sops, recipient } = workshop;
  return (quick ? [10] : [10, 30, 100]).flatMap((megabytes) => {
    const files = () => binaryFiles(workshop, megabytes);
    const common = { target: megabytes === 100 ? 1 : undefined, pairs: quick ? 3 : 5 };
    return [
      {
        ...common,
        work: `decrypt a binary file of ${megabytes} MB`,
        ours: () => side(workshop, "kseal decrypt", [...kseal, "decrypt", files().encrypted]),
        theirs: () => side(workshop, "sops -d", [sops, "-d", files().encrypted]),
        series: { name: "binary decrypt", size: megabytes, unit: "MB" },
      },
      {
        ...common,
        work: `encrypt a binary file of ${megabytes} MB`,
        ours: () => side(workshop, "kseal encrypt", [...kseal, "encrypt", "--age", recipient, files().plain]),
        theirs: () => side(workshop, "sops -e", [sops, "-e", "--age", recipient, files().plain]),
        series: { name: "binary encrypt", size: megabytes, unit: "MB" },
      },
    ];
  });
}
