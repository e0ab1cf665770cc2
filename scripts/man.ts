/**
 * Writes the manual pages, `man/*.1`, from the command table, and names them in `package.json`, where `npm` looks for
 * them. A test fails when they differ.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandSpec, OptionSpec } from "../src/cli/command.ts";
import { commandTable, optionsOf } from "../src/cli/command-table.ts";
import { readFlags } from "../src/cli/option-flags.ts";
import { bugExitCode, failureKinds } from "../src/errors.ts";
import { version } from "../src/version.ts";

const root = join(import.meta.dirname, "..");

/** The pages by their file names. */
export const manPages: ReadonlyMap<string, string> = new Map([
  ["kseal.1", mainPage()],
  ...commandTable.map((spec) => [`kseal-${spec.name}.1`, commandPage(spec)] as const),
]);

function mainPage(): string {
  const statuses = Map.groupBy(failureKinds(), ({ exitCode }) => exitCode);
  const rows = [...statuses]
    .sort(([a], [b]) => a - b)
    .flatMap(([status, kinds]) => [
      ".TP",
      `.B ${status}`,
      kinds.map(({ code, when }) => `${prose(code)}: ${prose(when)}`).join("\n.br\n"),
    ]);
  return page("kseal", "keeps Kubernetes secrets in Git", [
    section("SYNOPSIS", ".B kseal", "[options] command [arguments]"),
    section(
      "DESCRIPTION",
      "Encrypts the values of SOPS files and seals SealedSecrets, so that Secrets can stay in Git with readable",
      "diffs. Files and folders are arguments; a folder means every matching file below it, and \\- standard input.",
      "Which files are encrypted for whom stands in the file .sops.yaml of the repository.",
    ),
    section(
      "COMMANDS",
      ...commandTable.flatMap(({ name, summary }) => [
        ".TP",
        `.BR kseal\\-${dashes(name)} (1)`,
        prose(summary),
      ]),
      ".PP",
      ".B kseal sops",
      "and",
      ".B kseal kubeseal",
      "take the command lines of sops and kubeseal themselves, as does kseal when it is called by these names.",
    ),
    section("EXIT STATUS", ".TP", ".B 0", "Success.", ...rows, ".TP", `.B ${bugExitCode}`, "A bug in kseal."),
    section(
      "FILES",
      ".TP",
      ".B .sops.yaml",
      "The rules of a repository: which files are encrypted, for whom, and which of their values.",
      ".TP",
      ".B ~/.config/sops/age/keys.txt",
      "The age identities of the user.",
    ),
  ]);
}

function commandPage(spec: CommandSpec): string {
  const { name, summary, examples } = spec;
  const groups = Map.groupBy(optionsOf(spec), ({ group }) => group ?? "");
  return page(`kseal-${name}`, summary, [
    section(
      "SYNOPSIS",
      `.B kseal ${dashes(name)}`,
      ["[options]", ...(spec.arguments === "" ? [] : [prose(spec.arguments)])].join(" "),
    ),
    section("DESCRIPTION", `${prose(summary.charAt(0).toUpperCase() + summary.slice(1))}.`),
    section(
      "OPTIONS",
      ...[...groups].flatMap(([group, options]) => [
        ...(group === "" ? [] : [`.SS ${quoted(group)}`]),
        ...options.flatMap(optionLines),
      ]),
    ),
    section("EXAMPLES", ".nf", ...examples.map((line) => `$ ${prose(line)}`), ".fi"),
    section("SEE ALSO", ".BR kseal (1)"),
  ]);
}

function optionLines({ flags, summary, choices, repeatable }: OptionSpec): readonly string[] {
  const { short, long, value } = readFlags(flags);
  const names = [...(short === undefined ? [] : [short]), `--${long}`].map(
    (flag) => `\\fB${dashes(flag)}\\fR`,
  );
  const known = choices === undefined ? "" : ` (${choices.join(", ")})`;
  const again = repeatable === true ? "; may be given several times" : "";
  return [
    ".TP",
    `${names.join(", ")}${value === undefined ? "" : ` \\fI${prose(value)}\\fR`}`,
    prose(`${summary}${known}${again}`),
  ];
}

function page(name: string, summary: string, sections: readonly string[]): string {
  return [
    '.\\" Written by scripts/man.ts from the command table.',
    `.TH ${name.toUpperCase()} 1 "" "kseal ${version}" "kseal manual"`,
    section("NAME", `${dashes(name)} \\- ${prose(summary)}`),
    ...sections,
    "",
  ].join("\n");
}

function section(heading: string, ...lines: readonly string[]): string {
  return [`.SH ${heading}`, ...lines].join("\n");
}

function quoted(text: string): string {
  return `"${prose(text).replaceAll('"', '""')}"`;
}

/** Text that roff takes as text: no escapes, and nothing that is a request at the beginning of a line. */
function prose(text: string): string {
  const safe = text.replaceAll("\\", "\\e").replaceAll(/(?<=^|\s|[[(])--?(?=\w)/g, (minus) => dashes(minus));
  return safe.replaceAll(/^(?=[.'])/gm, "\\&");
}

/** Dashes that are typed, and stay what they are when copied from the page. */
function dashes(text: string): string {
  return text.replaceAll("-", "\\-");
}

if (import.meta.main) {
  const folder = join(root, "man");
  mkdirSync(folder, { recursive: true });
  for (const name of globSync("*.1", { cwd: folder })) rmSync(join(folder, name));
  for (const [name, text] of manPages) writeFileSync(join(folder, name), text);
  const path = join(root, "package.json");
  const description = JSON.parse(readFileSync(path, "utf8"));
  description.man = [...manPages.keys()].map((name) => `./man/${name}`);
  writeFileSync(path, `${JSON.stringify(description, undefined, 2)}\n`);
}
