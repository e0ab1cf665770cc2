import { writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandTable } from "../../src/cli/command-table.ts";
import { run } from "../../src/cli/run.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { createTestHost, type TestHostOptions } from "../support/test-host.ts";

/** The lines that answer `kseal __complete`. */
async function completed(words: readonly string[], options: TestHostOptions = {}): Promise<string[]> {
  const host = await createTestHost(options);
  expect(await run(["__complete", ...words], host)).toBe(0);
  expect(host.stderrText()).toBe("");
  return host.stdoutText().trimEnd().split("\n");
}

/** Without what they mean. */
const values = async (words: readonly string[], options: TestHostOptions = {}) =>
  (await completed(words, options)).map((line) => line.split("\t")[0]);

describe("what may follow", () => {
  test("as the first word is every command, with what it does", async () => {
    const lines = await completed([""]);
    for (const { name, summary } of commandTable) expect(lines).toContain(`${name}\t${summary}`);
    expect(lines).toContain("sops\tthe command line of sops");
    expect(lines.at(-1)).toBe(":4");
    expect(lines).not.toContain("__complete");
  });

  test.for<[string, string[], string[]]>([
    ["the beginning of a command", ["dec"], ["decrypt", ":4"]],
    ["a command behind help", ["help", "dec"], ["decrypt", ":4"]],
    ["nothing behind that", ["help", "decrypt", ""], [":4"]],
    ["a flag of the program", ["--v"], ["--version", ":4"]],
    ["a flag", ["decrypt", "--input"], ["--input-type", ":4"]],
    ["a flag that can be given again", ["unseal", "--key", "a", "--ke"], ["--key", ":4"]],
    ["no flag twice", ["decrypt", "-i", "--in-"], [":4"]],
    ["a choice", ["decrypt", "--input-type", "y"], ["yaml", ":4"]],
    ["a choice behind =", ["decrypt", "--input-type=j"], ["json", ":4"]],
    ["a choice of a global flag by its short name", ["decrypt", "-o", ""], ["text", "json", ":4"]],
    ["files for a flag that names one", ["decrypt", "--out", ""], [":0"]],
    ["folders for a flag that names one", ["keys", "backup", "--out", "b"], [":16"]],
    ["nothing for a flag with a value of its own", ["exec-env", "--user", ""], [":4"]],
    ["files for an argument", ["decrypt", "secrets/d"], [":0"]],
    ["files for one more", ["decrypt", "a.yaml", ""], [":0"]],
    ["nothing for the path in a file", ["get", "a.yaml", ""], [":4"]],
    ["nothing behind all arguments", ["get", "a.yaml", "[]", ""], [":4"]],
    ["the words of the notation", ["groups", ""], ["add", "delete", ":4"]],
    ["the words of a command that has some", ["keys", "re"], ["restore", "retire", ":4"]],
    ["no flags behind --", ["exec-env", "a.env", "--", "--he"], [":0"]],
    ["files for a word that kseal does not know", ["decript", ""], [":0"]],
    ["the empty word of a PowerShell that drops empty words", ["groups", '""'], ["add", "delete", ":4"]],
  ])("%s", async ([, words, wanted]) => {
    expect(await values(words)).toEqual(wanted);
  });

  test("are the contexts of the kubeconfig", async () => {
    const kubeconfig = (name: string) =>
      `contexts:\n- name: ${name}\n  context: {cluster: c1, user: u}\n- name: arn:aws:eks\n  context: {cluster: c2}\n`;
    const files = { "one.yaml": kubeconfig("prod"), "two.yaml": kubeconfig("staging"), "no.yaml": "[" };
    const options = { files, env: { KUBECONFIG: "one.yaml" } };

    expect(await completed(["seal", "--context", ""], options)).toEqual([
      "prod\tcluster c1",
      "arn:aws:eks\tcluster c2",
      ":4",
    ]);
    expect(await values(["seal", "--kubeconfig=two.yaml", "--context=s"], options)).toEqual([
      "staging",
      ":4",
    ]);
    expect(await values(["seal", "--kubeconfig", "no.yaml", "--context", ""], options)).toEqual([":4"]);
  });

  test("every flag of every command can be completed, and every choice of it", async () => {
    for (const { name, options } of commandTable) {
      const offered = await values([name, "--"]);
      for (const { flags, choices } of options) {
        const long = /--[\w-]+/.exec(flags)?.[0] ?? "";
        expect(offered, name).toContain(long);
        if (choices !== undefined) expect(await values([name, long, ""])).toEqual([...choices, ":4"]);
      }
    }
  });
});

describe("kseal completion", () => {
  test("refuses a shell that it has no script for", async () => {
    const host = await createTestHost();
    expect(await run(["completion", "tcsh"], host)).toBe(8);
    expect(host.stderrText()).toBe(
      'kseal: completion knows bash, zsh, fish, powershell, kubectl, not "tcsh"\n',
    );
  });

  test("for PowerShell is balanced, and asks the program that was typed", async () => {
    const host = await createTestHost();
    expect(await run(["completion", "powershell"], host)).toBe(0);
    const script = host.stdoutText();
    for (const [open, close] of ["{}", "()", "[]"]) {
      expect(script.split(open ?? "").length).toBe(script.split(close ?? "").length);
    }
    expect(script).toContain("& $program __complete @before $current 2>$null");
    expect(script).toContain('"`t"');
  });
});

const [fish, zsh] = [peer("fish"), peer("zsh")];

/** `kseal` on a PATH of its own, and a shell that has read its script. */
describe("in the shell itself", () => {
  let folder = "";
  beforeAll(() => {
    folder = makeFolder({
      "tools/.keep": "",
      "work/secret folder/.keep": "",
      "work/file.yaml": "",
      "home/.keep": "",
    });
    const words = ksealCommand().map((word) => `'${word}'`);
    writeFileSync(join(folder, "tools", "kseal"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, {
      mode: 0o755,
    });
    writeFileSync(
      join(folder, "kubeconfig"),
      "contexts:\n- name: arn:aws:eks:one\n  context: {cluster: c}\n- name: 'a b'\n  context: {cluster: c}\n",
    );
  });
  afterAll(() => removeFolder(folder));

  async function inShell(command: [string, ...string[]], path: readonly string[] = []): Promise<string> {
    const { status, stdout, stderr } = await runProgram(command, {
      cwd: join(folder, "work"),
      env: {
        PATH: [join(folder, "tools"), ...path, process.env["PATH"]].join(delimiter),
        HOME: join(folder, "home"),
        KUBECONFIG: join(folder, "kubeconfig"),
        TERM: "dumb",
      },
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    return stdout.toString("utf8");
  }

  test("bash: registers, and leaves files to the shell", async () => {
    const script = "source <(kseal completion bash); complete -p kseal";
    expect(await inShell(["bash", "--norc", "-c", script])).toBe("complete -o default -F _kseal kseal\n");
  });

  test("bash: what it would offer; it takes words apart at = and :", async () => {
    const cases: [string[], string[]][] = [
      [["decr"], ["decrypt"]],
      [["decrypt", "--input-t"], ["--input-type"]],
      [
        ["decrypt", "--input-type", "="],
        ["yaml", "json", "dotenv", "ini", "binary"],
      ],
      [["decrypt", "--input-type", "=", "j"], ["json"]],
      [["seal", "--context", "arn", ":", "aws", ":", "e"], ["eks:one"]],
      [["seal", "--context", "=", "arn", ":"], ["aws:eks:one"]],
      [
        ["seal", "--context", "a"],
        ["arn:aws:eks:one", "a\\ b"],
      ],
      [["keys", "backup", "--out", "s"], ["secret folder"]],
      [["decrypt", "f"], []],
    ];
    const asked = cases.map(([words]) => {
      const given = ["kseal", ...words].map((word) => `'${word}'`).join(" ");
      return `COMP_WORDS=(${given}); COMP_CWORD=${words.length}; _kseal; echo "$(printf '%s|' "\${COMPREPLY[@]}")"`;
    });
    const script = `set -u; eval "$(kseal completion bash)"; set +u\n${asked.join("\n")}`;
    const printed = await inShell(["bash", "--norc", "-c", script]);
    const offered = printed.trimEnd().split("\n");
    expect(offered.map((line) => line.split("|").filter((word) => word !== ""))).toEqual(
      cases.map(([, wanted]) => wanted),
    );
  });

  test.skipIf(fish === undefined)("fish: what it offers", async () => {
    const cases: [string, string[]][] = [
      ["kseal decr", ["decrypt"]],
      ["kseal decrypt --input-type=j", ["--input-type=json"]],
      ["kseal seal --context arn:aws", ["arn:aws:eks:one"]],
      ["kseal decrypt f", ["file.yaml"]],
      ["kseal keys backup --out s", ["secret folder/"]],
      ["kseal get file.yaml ", []],
    ];
    const asked = cases.map(([line]) => `complete -C ${JSON.stringify(line)}; echo ==`);
    const printed = await inShell([
      fish ?? "",
      "--no-config",
      "-c",
      `kseal completion fish | source\n${asked.join("\n")}`,
    ]);
    const offered = printed.split("==\n").slice(0, -1);
    expect(offered.map((text) => text.split("\n").flatMap((line) => line.split("\t")[0] || []))).toEqual(
      cases.map(([, wanted]) => wanted),
    );
  });

  test.skipIf(zsh === undefined).for<[string, string]>([
    ["kseal decrypt --input-type=j", "kseal decrypt --input-type=json "],
    ["kseal seal --context arn:aws", "kseal seal --context arn:aws:eks:one "],
    ["kseal keys backup --out s", "kseal keys backup --out secret\\ folder/"],
  ])("zsh: %s", async ([line, wanted]) => {
    // The line editor itself, in a terminal of its own: a widget prints what stands in the line after the completion.
    const driver = `zmodload zsh/zpty
      zpty -b z zsh -f -i
      zpty -w z 'PS1= PS2= RPS1=; unsetopt zle_bracketed_paste prompt_cr 2>/dev/null; autoload -Uz compinit; compinit -u -D'
      zpty -w z 'source <(kseal completion zsh)'
      zpty -w z 'show() { print -r -- "<<<$BUFFER>>>"; exit }; zle -N show; bindkey "^I" complete-word; bindkey "^G" show'
      zpty -w z 'print -r -- "rea""dy"'
      zpty -r -m z seen '*ready*'
      zpty -w -n z ${JSON.stringify(line)}$'\\t\\a'
      zpty -r -m z seen '*<<<*>>>*'
      print -r -- "\${\${seen##*<<<}%%>>>*}"`;
    expect(await inShell([zsh ?? "", "-f", "-c", driver])).toBe(`${wanted}\n`);
  });

  const kubectl = peer("kubectl");
  test.skipIf(kubectl === undefined)(
    "kubectl kseal: kubectl asks the program that it looks for",
    async () => {
      const plugin = join(folder, "tools", "kubectl-kseal");
      writeFileSync(plugin, '#!/bin/sh\nexec kseal "$@"\n', { mode: 0o755 });
      const script = `kseal completion kubectl > ../tools/kubectl_complete-kseal && chmod +x ../tools/kubectl_complete-kseal
      kubectl __complete kseal decr 2>/dev/null; kubectl __complete kseal decrypt --input-type=j 2>/dev/null`;
      expect(await inShell(["bash", "--norc", "-c", script], [dirname(kubectl ?? "")])).toBe(
        "decrypt\tdecrypt files, to standard output unless told otherwise\n:4\njson\n:4\n",
      );
    },
  );
});
