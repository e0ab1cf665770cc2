import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { recipients } from "../test/support/identities.ts";
import { manyFiles, type Workshop } from "./inputs.ts";
import type { Row } from "./rows.ts";

/** Who can read what, over a history: beside what Git needs to hand out the same history and the same contents. */
export function whoRows(
  workshop: Workshop,
  kseal: readonly [string, ...string[]],
  { quick }: { readonly quick: boolean },
): readonly Row[] {
  const count = quick ? 100 : 1000;
  const repository = () => repositoryOf(workshop, count);
  return [
    {
      work: `who over ${count.toLocaleString("en")} files and ${count.toLocaleString("en")} commits, against git log --raw and git cat-file --batch of the same contents`,
      ours: () => ({
        label: "kseal who",
        commands: [[...kseal, "who"]],
        cwd: repository().folder,
        env: workshop.env,
      }),
      theirs: () => ({
        label: "git log, git cat-file",
        commands: [
          ["git", "log", "--raw"],
          ["git", "cat-file", "--batch"],
        ],
        cwd: repository().folder,
        env: workshop.env,
        stdin: repository().ids,
      }),
      target: 5,
      pairs: quick ? 5 : 15,
    },
  ];
}

const made = new Map<number, { readonly folder: string; readonly ids: string }>();

/**
 * A repository with so many encrypted files and as many commits: the first has all files, every other one changes a value
 * of one file, and each tenth of them the recipients, too.
 */
function repositoryOf(workshop: Workshop, count: number): { readonly folder: string; readonly ids: string } {
  const known = made.get(count);
  if (known !== undefined) return known;
  const folder = join(workshop.folder, `repository-${count}`);
  const git = (args: readonly string[], input?: string): string =>
    execFileSync("git", args, {
      cwd: folder,
      env: workshop.env,
      input,
      encoding: "utf8",
      maxBuffer: 2 ** 30,
    });
  if (!existsSync(folder)) {
    mkdirSync(folder);
    git(["init", "-q", "-b", "main"]);
    git(["fast-import", "--quiet"], historyOf(workshop, count));
    git(["checkout", "-qf", "main"]);
  }
  const changes = git(["log", "--raw", "--no-abbrev", "--format="]).split("\n");
  const ids = new Set(
    changes.flatMap((line) => line.split(" ").slice(2, 4)).filter((id) => !/^0*$/.test(id)),
  );
  const repository = { folder, ids: `${[...ids].join("\n")}\n` };
  made.set(count, repository);
  return repository;
}

function historyOf(workshop: Workshop, count: number): string {
  const texts = manyFiles(workshop, count).files.map((file) => readFileSync(file, "utf8"));
  const name = (index: number): string => `apps/${index % 20}/secret-${index}.yaml`;
  const token = /token: ENC\[.*\]/;
  const commits = Array.from({ length: count }, (_, at) => {
    const head = `commit refs/heads/main\ncommitter T <t@example.com> ${1_750_000_000 + at * 3600} +0000\n${data(`commit ${at}`)}`;
    if (at === 0) return head + texts.map((text, index) => modify(name(index), text)).join("");
    const index = (at * 7) % count;
    // What was sealed elsewhere has the right shape, and nobody opens it here.
    const other = token.exec(texts[(index + at) % count] ?? "")?.[0] ?? "";
    const changed = (texts[index] ?? "").replace(token, () => other);
    texts[index] = at % 10 === 0 ? withAnotherRecipient(changed) : changed;
    return head + modify(name(index), texts[index] ?? "");
  });
  return commits.join("");
}

function withAnotherRecipient(text: string): string {
  return text.replace(/^( +)- (?:recipient|enc)[\s\S]*?(?=^ {4}\w)/m, (entry) => {
    return entry + entry.replace(/age1\w+/, recipients[1] ?? "");
  });
}

function modify(path: string, text: string): string {
  return `M 100644 inline ${path}\n${data(text)}`;
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}
