import { checking } from "./check-options.ts";
import type { CommandSpec } from "./command.ts";
import { decryptionOrder, dryRun, inputType, pathInRepository } from "./shared-options.ts";

/** What changed, what is wrong, who can read it, and branches that come together. */
export const reviewCommands: readonly CommandSpec[] = [
  {
    name: "diff",
    arguments: "[revisions-or-files...]",
    summary: "what changed in encrypted files: two files, or what git diff compares",
    options: [
      { flags: "--staged", summary: "the last commit, or the revision, with what is staged" },
      { flags: "--reveal", summary: "show the values themselves; without it, only which of them changed" },
      { flags: "--keyless", summary: "compare as somebody without a key does" },
      { flags: "--textconv", summary: "print one file as git diff shall show it, and never fail" },
      pathInRepository,
      {
        flags: "-o, --output <format>",
        summary: "how the report is printed",
        choices: ["text", "json", "markdown"],
      },
      inputType,
      decryptionOrder,
    ],
    examples: ["kseal diff main...topic", "kseal diff old.yaml new.yaml", "kseal diff --staged -o markdown"],
    load: () => import("./commands/diff.ts"),
  },
  {
    name: "check",
    arguments: "[files...]",
    summary:
      "find what should not be in a repository: damaged and stale encrypted files, secrets in clear; needs no key",
    options: checking,
    examples: [
      "kseal check",
      "kseal check --staged",
      "kseal check --since origin/main -o text -o sarif=kseal.sarif",
      "kseal check --baseline .kseal-baseline.json --write-baseline",
      "kustomize build overlays/prod | kseal check --expect 'secrets>=3' -",
    ],
    load: () => import("./commands/check.ts"),
  },
  {
    name: "who",
    arguments: "[files...]",
    summary: "who can read which encrypted files since when, and who could and still knows what was there",
    options: [
      {
        flags: "--recipient <name>",
        summary: "only what this key can or could read: its name in .sops.yaml, or the key itself",
      },
      {
        flags: "-o, --output <format>",
        summary: "how the report is printed; html is one page for auditors",
        choices: ["text", "json", "html"],
      },
    ],
    examples: [
      "kseal who",
      "kseal who secrets/prod/",
      "kseal who --recipient Bob",
      "kseal who -o html > access.html",
    ],
    load: () => import("./commands/who.ts"),
  },
  {
    name: "explain",
    arguments: "<file> [path]",
    summary:
      "which rule is for a file and why, what is encrypted and why, which keys open it, and what to type next",
    options: [
      { flags: "--online", summary: "also try the keys of key services, which takes the network" },
      decryptionOrder,
    ],
    examples: [
      "kseal explain secrets/prod/db.yaml",
      `kseal explain db.yaml '["stringData"]["password"]'`,
      "kseal explain db.yaml stringData.password -o json",
    ],
    load: () => import("./commands/explain.ts"),
  },
  {
    name: "merge",
    arguments: "<base> <ours> <theirs>",
    summary: "merge two versions of a file by structure, into ours; Git's merge driver",
    options: [
      pathInRepository,
      { flags: "--marker-size <number>", summary: "the length of conflict markers in files merged as text" },
      { flags: "-p, --stdout", summary: "print the result instead of writing it into ours" },
      decryptionOrder,
    ],
    examples: ["git config merge.kseal.driver 'kseal merge --path %P --marker-size %L %O %A %B'"],
    load: () => import("./commands/merge.ts"),
  },
  {
    name: "resolve",
    arguments: "<file>",
    summary: "finish a merge that needed a key or a decision",
    options: [
      {
        flags: "--ours <path>",
        summary: "take our version at a tree path; '*' for every place that is left",
        repeatable: true,
      },
      { flags: "--theirs <path>", summary: "take their version at a tree path", repeatable: true },
      decryptionOrder,
      dryRun,
    ],
    examples: [`kseal resolve db.yaml --theirs '["stringData"]["password"]'`],
    load: () => import("./commands/resolve.ts"),
  },
];
