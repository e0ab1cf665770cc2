import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { secret, type Workshop } from "./inputs.ts";
import type { Side } from "./measure.ts";
import type { Builds, Row } from "./rows.ts";

type Command = readonly [string, ...string[]];

/** So many files a program that looks at one is measured with; its time is scaled to all of them. */
const sample = 200;
const staged = 5;

/** Whole repositories: what is checked in CI and before a commit, without a key, and a merge of one file. */
export function checkRows(
  workshop: Workshop,
  { executable, bundle }: Builds,
  { quick }: { readonly quick: boolean },
): readonly Row[] {
  const hasExecutable = existsSync(executable);
  const kseal: Command = hasExecutable ? [executable] : [process.execPath, bundle];
  // From the size on where the runtime's heap has taken what it takes anyway.
  const [many, most] = quick ? [1000, 3000] : [10_000, 30_000];
  const count = (files: number): string => files.toLocaleString("en");
  // Nobody's identity: what CI has.
  const env = { HOME: workshop.folder, PATH: workshop.env["PATH"] ?? "", SOPS_DISABLE_VERSION_CHECK: "1" };
  const side = (
    label: string,
    files: number,
    commands: readonly Command[],
    more: Partial<Side> = {},
  ): Side => ({
    label,
    commands,
    cwd: repository(workshop, kseal, files),
    env,
    ...more,
  });
  const check = (files: number): Side => side("kseal check", files, [[...kseal, "check", "."]]);
  return [
    {
      work: `check ${count(many)} files of 2 KiB, no key, against sops filestatus on ${sample} of them, two at a time, scaled`,
      ours: () => check(many),
      theirs: () =>
        side(
          "sops filestatus",
          many,
          filesOf(repository(workshop, kseal, many))
            .slice(0, sample)
            .map((file): Command => [workshop.sops, "filestatus", file]),
          { atOnce: 2 },
        ),
      theirsTimes: many / sample,
      target: 1 / 20,
      pairs: quick ? 2 : 3,
    },
    {
      work: `check ${count(most)} files, against ${count(many)}: memory`,
      ours: () => check(most),
      theirs: () => check(many),
      target: undefined,
      memoryTarget: 1.1,
      pairs: 1,
    },
    ...(hasExecutable
      ? [
          {
            work: `check --staged, ${staged} files in a repository of ${count(many)}, executable, against the same calls of Git`,
            ours: () => side("kseal check --staged", many, [[...kseal, "check", "--staged"]]),
            theirs: () => side("git", many, gitCalls),
            target: 3,
            pairs: quick ? 10 : 40,
          },
        ]
      : []),
    {
      work: "merge one file, against decrypt",
      ours: () => ({ ...mergeSide(workshop, kseal), label: "kseal merge" }),
      theirs: () => ({
        ...mergeSide(workshop, kseal),
        label: "kseal decrypt",
        commands: [[...kseal, "decrypt", "ours.yaml"]],
      }),
      target: 1.5,
      pairs: quick ? 15 : 60,
    },
  ];
}

/** What `check --staged` asks Git. */
const gitCalls: readonly Command[] = [
  ["git", "-c", "core.fsmonitor=false", "rev-parse", "--show-toplevel"],
  [
    ...(["git", "-c", "core.fsmonitor=false", "diff", "--raw", "-z", "--no-abbrev"] as const),
    ...["--no-renames", "--no-ext-diff", "--diff-filter=ACMT", "--cached", "--"],
  ],
  ["sh", "-c", "exec git -c core.fsmonitor=false cat-file --batch < .git/asked"],
];

/** A repository of encrypted files of about 2 KiB in a hundred folders, with some that are changed and staged. */
function repository({ folder, recipient, env }: Workshop, kseal: Command, files: number): string {
  const cwd = join(folder, `repository-${files}`);
  if (existsSync(cwd)) return cwd;
  mkdirSync(cwd);
  writeFileSync(
    join(cwd, ".sops.yaml"),
    `creation_rules:\n  - age: ${recipient}\n    encrypted_regex: ^(data|stringData)$\n`,
  );
  for (let at = 0; at < files; at++) {
    const app = join(cwd, `app-${String(at % 100).padStart(2, "0")}`);
    if (at < 100) mkdirSync(app);
    const more = ["a", "b", "c"]
      .map((key) => `    ${key}: value ${key} of ${at}, as long as one is\n`)
      .join("");
    writeFileSync(join(app, `secret-${String(at).padStart(5, "0")}.yaml`), `${secret(at)}${more}`);
  }
  const run = (program: string, args: readonly string[], input = ""): void => {
    execFileSync(program, args, { cwd, env, input, stdio: ["pipe", "ignore", "ignore"] });
  };
  const [program, ...words] = kseal;
  run(program, [...words, "encrypt", "-i", ...filesOf(cwd)]);
  const git = (...args: readonly string[]): void =>
    run("git", ["-c", "user.name=bench", "-c", "user.email=bench@example.com", ...args]);
  git("init", "-q");
  git("add", "-A");
  git("commit", "-qm", "all");
  for (const file of filesOf(cwd).slice(0, staged)) {
    run(program, [...words, "set", "--value-stdin", file, '["stringData"]["token"]'], '"another"');
  }
  git("add", "-A");
  const raw = execFileSync("git", ["diff", "--cached", "--raw", "--no-abbrev"], { cwd, encoding: "utf8" });
  const blobs = [...raw.matchAll(/^:\d+ \d+ \w+ (\w+)/gm)].map(([, blob]) => `${blob}\n`);
  writeFileSync(join(cwd, ".git", "asked"), blobs.join(""));
  return cwd;
}

function filesOf(cwd: string): readonly string[] {
  const apps = readdirSync(cwd).filter((name) => name.startsWith("app-"));
  return apps.flatMap((app) => readdirSync(join(cwd, app)).map((name) => `${app}/${name}`));
}

/** Two versions of a file in which different values changed, and what they come from. */
function mergeSide({ folder, sops, recipient, env }: Workshop, kseal: Command): Side {
  const cwd = join(folder, "merge");
  const [program, ...words] = kseal;
  if (!existsSync(cwd)) {
    mkdirSync(cwd);
    writeFileSync(join(cwd, "base.yaml"), secret(0));
    execFileSync(sops, ["--encrypt", "--in-place", "--age", recipient, "base.yaml"], { cwd, env });
    for (const [side, key] of [
      ["ours", "token"],
      ["theirs", "host"],
    ] as const) {
      copyFileSync(join(cwd, "base.yaml"), join(cwd, `${side}.yaml`));
      const path = `["stringData"]["${key}"]`;
      execFileSync(program, [...words, "set", "--value-stdin", `${side}.yaml`, path], {
        cwd,
        env,
        input: `"changed by ${side}"`,
        stdio: ["pipe", "ignore", "ignore"],
      });
    }
    if (readFileSync(join(cwd, "ours.yaml"), "utf8") === readFileSync(join(cwd, "theirs.yaml"), "utf8")) {
      throw new Error("the two sides are the same");
    }
  }
  const merge: Command = [
    ...kseal,
    "merge",
    "--stdout",
    "--path",
    "db.yaml",
    "base.yaml",
    "ours.yaml",
    "theirs.yaml",
  ];
  return { label: "", commands: [merge], cwd, env };
}
