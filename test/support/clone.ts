import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { removeFolder } from "./folders.ts";
import { identities } from "./identities.ts";
import { ksealCommand } from "./kseal-command.ts";
import { runInProcess } from "./kseal-in-process.ts";
import { runProgram } from "./run-program.ts";

/** What a program or kseal said; standard output and standard error apart. */
export interface Said {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A real repository in a folder of its own, which is removed after the test. Git and kseal see nothing of the settings of
 * whoever runs the tests; HOME is `home` beside it.
 */
export class Clone {
  readonly root: string = realpathSync(mkdtempSync(join(tmpdir(), "kseal-clone-")));
  readonly folder: string;
  readonly home: string = join(this.root, "home");
  /** Has kseal, unless the test takes it away. */
  readonly tools: string = join(this.root, "tools");

  /** @param folder - Where the working tree is, below the root. */
  constructor(folder = "work") {
    onTestFinished(() => removeFolder(this.root));
    this.folder = join(this.root, folder);
    for (const path of [this.folder, this.home, this.tools]) mkdirSync(path, { recursive: true });
  }

  get env(): Record<string, string> {
    return {
      PATH: `${this.tools}:/usr/local/bin:/usr/bin:/bin`,
      HOME: this.home,
      SOPS_AGE_KEY: identities[0] ?? "",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "a",
      GIT_AUTHOR_EMAIL: "a@b",
      GIT_COMMITTER_NAME: "a",
      GIT_COMMITTER_EMAIL: "a@b",
      LC_ALL: "C",
    };
  }

  /** Puts kseal on PATH. */
  install(): void {
    const words = ksealCommand().map((word) => `'${word}'`);
    this.write("../tools/kseal", `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
    chmodSync(join(this.tools, "kseal"), 0o755);
  }

  async git(...args: readonly string[]): Promise<Said> {
    return this.run("git", ...args);
  }

  /** @throws When Git fails. */
  must(...args: readonly string[]): string {
    return execFileSync("git", args, { cwd: this.folder, env: this.env, encoding: "utf8", stdio: "pipe" });
  }

  async run(...command: readonly [string, ...string[]]): Promise<Said> {
    const { status, stdout, stderr } = await runProgram(command, { cwd: this.folder, env: this.env });
    return { status, stdout: stdout.toString("utf8"), stderr };
  }

  /** kseal, in this process. */
  async kseal(...args: readonly string[]): Promise<Said> {
    return this.ksealIn(".", ...args);
  }

  async ksealIn(folder: string, ...args: readonly string[]): Promise<Said> {
    const cwd = join(this.folder, folder);
    const { status, stdout, stderr } = await runInProcess(args, { cwd, env: this.env });
    return { status, stdout: stdout.toString("utf8"), stderr };
  }

  write(path: string, text: string | Uint8Array): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }
}
