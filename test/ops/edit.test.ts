import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { editFile } from "../../src/ops/edit.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { createContext } from "../../src/wiring.ts";
import { identities } from "../support/identities.ts";
import { createTestHost } from "../support/test-host.ts";
import {
  failureOf,
  inPlace,
  mine,
  plain,
  ruleForMe,
  secret,
  theirs,
  toCaller,
  type Workbench,
} from "./workbench.ts";

/** A folder with an encrypted Secret, and an editor that is a shell script; `$1` is the file. */
async function desk(
  script: string,
  options: { files?: Record<string, string>; env?: Record<string, string>; answers?: readonly string[] } = {},
): Promise<Workbench & { readonly answersGiven: readonly string[] }> {
  const files = { ".sops.yaml": ruleForMe, "a.yaml": secret, ...options.files };
  const host = await createTestHost({
    env: { SOPS_AGE_KEY: identities[0] ?? "", ...options.env },
    files: { ...files, "../home/edit": `#!/bin/sh\n${script}\n` },
    ...(options.answers === undefined ? {} : { answers: options.answers }),
  });
  const editor = join(host.homeDir, "edit");
  chmodSync(editor, 0o755);
  const log: string[] = [];
  const again: Workbench["again"] = (more = {}) =>
    createContext(
      { ...host, env: { EDITOR: editor, ...host.env } },
      {
        log: { info: (text) => log.push(`note: ${text}`), warn: (text) => log.push(`warning: ${text}`) },
        ...more,
      },
    );
  const context = await again();
  await encryptFiles({ paths: ["a.yaml"], destination: inPlace }, context);
  log.length = 0;
  return {
    host,
    context,
    log,
    answersGiven: host.questions,
    again,
    read: async (path) => new TextDecoder().decode(await host.readFile(path)),
    write: (path, text) => host.createFile(path, Buffer.from(text), { overwrite: true }),
  };
}

const changePassword = 'sed -i "s/correct horse/battery staple/" "$1"';
const lineWith = (text: string, word: string) => text.split("\n").find((line) => line.includes(word));

describe("editing", () => {
  test("changes what was changed, and nothing else of the file", async () => {
    const bench = await desk(changePassword);
    const before = await bench.read("a.yaml");

    expect(await editFile({ path: "a.yaml" }, bench.context)).toEqual({ file: "a.yaml" });
    const after = await bench.read("a.yaml");
    expect(await plain(bench)).toBe(secret.replace("correct horse", "battery staple"));
    expect(lineWith(after, "user:")).toBe(lineWith(before, "user:"));
    expect(lineWith(after, "password:")).not.toBe(lineWith(before, "password:"));
    expect(lineWith(after, "# who it is for")).toBe(lineWith(before, "# who it is for"));
  });

  test("keeps the layout of the edited text, though no value changed", async () => {
    const bench = await desk('printf "\\n# a note\\nmore: 1\\n" >> "$1"');
    await editFile({ path: "a.yaml" }, bench.context);

    expect(await plain(bench)).toBe(`${secret}\n# a note\nmore: 1\n`);
  });

  test("D10: the text lies in a private folder under its own name, and is gone afterwards", async () => {
    const bench = await desk(
      `stat -c "%a %F" "$1" "$(dirname "$1")" > "$HOME/seen"; echo "$1" >> "$HOME/seen"; ${changePassword}`,
    );
    await editFile({ path: "a.yaml" }, bench.context);
    const [file, folder, path = ""] = readFileSync(join(bench.host.homeDir, "seen"), "utf8").split("\n");

    expect([file, folder]).toEqual(["600 regular file", "700 directory"]);
    expect(path).toMatch(/\/a\.yaml$/);
    expect(existsSync(join(path, ".."))).toBe(false);
    expect(readdirSync(bench.host.cwd).sort()).toEqual([".sops.yaml", "a.yaml"]);
  });

  test("says where the text is when that is a disk", async () => {
    const bench = await desk(changePassword);
    const { host } = bench.context;
    const onDisk = async () => ({ ...(await host.openPrivateFolder()), inMemory: false });
    await editFile({ path: "a.yaml" }, { ...bench.context, host: { ...host, openPrivateFolder: onDisk } });

    expect(bench.log).toEqual([
      expect.stringMatching(/^note: the plaintext lies on the disk meanwhile, in /),
    ]);
  });

  test("takes the words of EDITOR apart and adds the file", async () => {
    const bench = await desk(`printf "%s|" "$@" > "$HOME/seen"; shift 2; ${changePassword}`);
    const EDITOR = `${join(bench.host.homeDir, "edit")} --wait 'two words'`;
    const context = await createContext({ ...bench.host, env: { ...bench.host.env, EDITOR } });
    await editFile({ path: "a.yaml" }, context);

    expect(readFileSync(join(bench.host.homeDir, "seen"), "utf8")).toMatch(
      /^--wait\|two words\|\/\S+\/a\.yaml\|$/,
    );
  });

  test("a link stays a link", async () => {
    const bench = await desk(changePassword);
    symlinkSync("a.yaml", join(bench.host.cwd, "link.yaml"));
    await editFile({ path: "link.yaml" }, bench.context);

    expect(await plain(bench)).toContain("battery staple");
  });
});

describe("an edit that leads to nothing", () => {
  const untouched = async (
    script: string,
    code: string,
    message: string | RegExp,
    hint?: string | RegExp,
  ) => {
    const bench = await desk(script);
    const before = await bench.read("a.yaml");
    const error = await failureOf(editFile({ path: "a.yaml" }, bench.context));

    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    if (hint !== undefined) expect(error.hint).toMatch(hint);
    expect(error.message + error.hint).not.toContain("horse");
    expect(await bench.read("a.yaml")).toBe(before);
    return error;
  };

  test("unchanged at once: 200, and the way to make kseal wait", async () => {
    const error = await untouched("true", "UNCHANGED", "the file was not changed", /--wait/);
    expect(error.exitCode).toBe(200);
  });

  test("an editor that fails: 201", async () => {
    const error = await untouched(
      `${changePassword}; exit 3`,
      "EDITOR_FAILED",
      "the editor edit ended with status 3",
    );
    expect(error.exitCode).toBe(201);
  });

  test.for([
    ["an editor that is interrupted", "kill -INT $$", "INTERRUPTED", "the editor was interrupted"],
    ["an editor that is ended", "kill -TERM $$", "INTERRUPTED", "the editor was interrupted"],
    ["an editor that crashes", "kill -SEGV $$", "EDITOR_FAILED", "the editor edit ended with status 139"],
    ["a file that the editor removed", 'rm "$1"', "EDITOR_FAILED", "the editor edit removed the file"],
    ["broken syntax", 'echo "a: [" >> "$1"', "FORMAT_INVALID", /./],
    ["a key named sops", 'echo "sops: x" >> "$1"', "FORMAT_INVALID", "the edited text has a key named sops"],
    ["a key that is there twice", 'echo "kind: Secret" >> "$1"', "FORMAT_INVALID", /./],
    ["nothing at all", ': > "$1"', "EMPTY_INPUT", /./],
    ["bytes that are no text", 'printf "\\377" >> "$1"', "FORMAT_INVALID", /./],
  ] as const)("%s", async ([, script, code, message]) => {
    await untouched(script, code, message);
  });

  test("D10: a file that somebody else changed meanwhile is left as they made it", async () => {
    const bench = await desk(`${changePassword}; echo "# by hand" >> "$TARGET"`);
    const target = join(bench.host.cwd, "a.yaml");
    const context = await createContext({
      ...bench.host,
      env: { ...bench.context.host.env, TARGET: target },
      exec: (command, options) =>
        bench.host.exec(command, { ...options, env: { ...options?.env, TARGET: target } }),
    });
    const error = await failureOf(editFile({ path: "a.yaml" }, context));

    expect(error.code).toBe("FILE_CHANGED");
    expect(await bench.read("a.yaml")).toMatch(/# by hand\n$/);
    expect(await plain(bench)).toContain("correct horse");
  });

  test.for([
    ["no editor at all", "", { EDITOR: "", PATH: "/nowhere" }, "there is no editor"],
    ["an editor that does not exist", "", { EDITOR: "no-such-editor" }, "there is no program no-such-editor"],
    ["an editor in the working folder", "", { EDITOR: "./edit" }, "there is no program ./edit"],
  ] as const)("%s", async ([, , env, message]) => {
    const bench = await desk("true");
    const context = await createContext({
      ...bench.host,
      env: { ...bench.host.env, ...env },
      which: async () => undefined,
    });
    const error = await failureOf(editFile({ path: "a.yaml" }, context));

    expect([error.code, error.message]).toEqual(["EDITOR_FAILED", expect.stringContaining(message)]);
  });

  test("what is no encrypted file is not opened", async () => {
    const bench = await desk(changePassword, { files: { "plain.yaml": "a: 1\n", "folder/b.yaml": "" } });

    expect(await failureOf(editFile({ path: "plain.yaml" }, bench.context))).toMatchObject({
      code: "NOT_ENCRYPTED",
    });
    expect(await failureOf(editFile({ path: "folder" }, bench.context))).toMatchObject({ code: "USAGE" });
    expect(await failureOf(editFile({ path: "-" }, bench.context))).toMatchObject({ code: "USAGE" });
  });
});

describe("on a terminal", () => {
  /** Breaks the file the first time and mends it the second. */
  const breakThenMend =
    'if grep -q broken "$1"; then sed -i "/broken/d" "$1"; else sed -i "s/correct horse/battery staple/" "$1"; echo "broken: [" >> "$1"; fi';

  test("a mistake is shown with its line, and the editor opens again with the text as it is", async () => {
    const bench = await desk(breakThenMend, { answers: [""] });
    await editFile({ path: "a.yaml" }, bench.context);

    expect(bench.answersGiven).toEqual([
      expect.stringMatching(
        /^a\.yaml:\d+:\d+: .*\n[\s\S]*press Enter to go back to the editor, or Ctrl\+C to give up: $/,
      ),
    ]);
    expect(await plain(bench)).toBe(secret.replace("correct horse", "battery staple"));
  });
});

describe("a new file", () => {
  const editor = 'cp "$1" "$HOME/example"; sed -i "s/change me/s3cret/" "$1"';

  test.for(["new.yaml", "new.json", "new.env", "new.ini"])(
    "%s starts from an example and is encrypted by its rule",
    async (path) => {
      const bench = await desk(editor);
      await editFile({ path }, bench.context);
      const example = readFileSync(join(bench.host.homeDir, "example"), "utf8");

      expect(await bench.read(path)).not.toContain("s3cret");
      expect(await plain(bench, path)).toBe(example.replace("change me", "s3cret"));
      expect(statSync(join(bench.host.cwd, path)).mode & 0o777).toBe(0o644);
    },
  );

  test("a Secret is encrypted where Secrets are secret", async () => {
    const bench = await desk(editor);
    await editFile({ path: "new.yaml" }, bench.context);

    expect(await bench.read("new.yaml")).toMatch(/kind: Secret\n[\s\S]*password: ENC\[/);
  });

  test("a binary file starts empty", async () => {
    const bench = await desk('echo typed > "$1"');
    await editFile({ path: "notes" }, bench.context);

    expect(await plain(bench, "notes")).toBe("typed\n");
  });

  test("that nobody could read is refused before anything is typed", async () => {
    const bench = await desk('touch "$HOME/ran"', {
      files: { ".sops.yaml": `creation_rules:\n  - path_regex: ^a\\.yaml$\n    age: ${mine}\n` },
    });

    expect(await failureOf(editFile({ path: "b.yaml" }, bench.context))).toMatchObject({
      code: "NO_MASTER_KEYS",
    });
    expect(await failureOf(editFile({ path: "no/b.yaml" }, bench.context))).toMatchObject({
      code: "NO_FILE",
    });
    expect(existsSync(join(bench.host.homeDir, "ran"))).toBe(false);
    await expect(editFile({ path: "b.yaml", keys: { age: [mine] } }, bench.context)).rejects.toMatchObject({
      code: "UNCHANGED",
    });
    expect(existsSync(join(bench.host.cwd, "b.yaml"))).toBe(false);
  });

  test("that somebody else made meanwhile stays theirs", async () => {
    const bench = await desk(`${editor}; echo theirs > "$TARGET"`);
    const target = join(bench.host.cwd, "new.yaml");
    const context = await createContext({
      ...bench.host,
      env: bench.context.host.env,
      exec: (command, options) =>
        bench.host.exec(command, { ...options, env: { ...options?.env, TARGET: target } }),
    });

    expect(await failureOf(editFile({ path: "new.yaml" }, context))).toMatchObject({ code: "FILE_CHANGED" });
    expect(readFileSync(target, "utf8")).toBe("theirs\n");
  });
});

describe("D31: with the recipients shown", () => {
  const options = { path: "a.yaml", showMasterKeys: true };
  const opens = async (bench: Workbench, identity: string) => {
    const host = { ...bench.host, env: { ...bench.host.env, SOPS_AGE_KEY: identity } };
    const { stream } = await decryptFiles(
      { paths: ["a.yaml"], destination: toCaller },
      await createContext(host),
    );
    return new TextDecoder().decode(stream);
  };
  const addTheirs = `sed -i "s/^\\( *\\)- enc: |$/\\1- recipient: ${theirs}\\n&/" "$1"`;

  test("the values are plain and the sops block is there", async () => {
    const bench = await desk('cp "$1" "$HOME/shown"');
    await failureOf(editFile(options, bench.context));
    const shown = readFileSync(join(bench.host.homeDir, "shown"), "utf8");

    expect(shown).toContain(secret);
    expect(shown).toContain(`recipient: ${mine}`);
  });

  test("a recipient that was added can read the file, and the values keep their ciphertext", async () => {
    const bench = await desk(addTheirs);
    const before = await bench.read("a.yaml");
    await editFile(options, bench.context);
    const after = await bench.read("a.yaml");

    expect(await opens(bench, identities[1] ?? "")).toBe(secret);
    expect(await opens(bench, identities[0] ?? "")).toBe(secret);
    expect(lineWith(after, "password:")).toBe(lineWith(before, "password:"));
  });

  test("a recipient that was removed cannot read what is written from now on", async () => {
    const bench = await desk(`sed -i "s/${mine}/${theirs}/" "$1"`);
    const before = await bench.read("a.yaml");
    await editFile(options, bench.context);
    const after = await bench.read("a.yaml");

    expect(await opens(bench, identities[1] ?? "")).toBe(secret);
    await expect(opens(bench, identities[0] ?? "")).rejects.toMatchObject({ code: "NO_KEY" });
    expect(lineWith(after, "user:")).not.toBe(lineWith(before, "user:"));
    expect(bench.log).toContainEqual(expect.stringContaining("could read these values"));
  });

  test("values can be edited at the same time", async () => {
    const bench = await desk(`${changePassword}; ${addTheirs}`);
    await editFile(options, bench.context);

    expect(await opens(bench, identities[1] ?? "")).toBe(secret.replace("correct horse", "battery staple"));
  });

  test.for([
    ["no recipient", `sed -i "/^sops:/,\\$d" "$1"`, "METADATA_INVALID"],
    [
      "a recipient that is none",
      `sed -i "s/${mine}/age1nobody/" "$1"`,
      /RECIPIENT|USAGE|NO_MASTER|CONFIG|METADATA/,
    ],
    ["another selection", `sed -i "s/stringData)/other)/" "$1"`, "CHANGES_REFUSED"],
  ] as const)("%s is refused", async ([, script, code]) => {
    const bench = await desk(script);
    const before = await bench.read("a.yaml");
    const error = await failureOf(editFile(options, bench.context));

    expect(error.code).toMatch(code);
    expect(await bench.read("a.yaml")).toBe(before);
  });
});
