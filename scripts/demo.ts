/**
 * The main job, in a throw-away folder with a real age identity, each step as a user would type it: make an
 * identity, encrypt a Secret by the rules of `.sops.yaml`, look at the diff, change one value, decrypt.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "kseal-demo-"));
const bin = join(folder, ".bin");
const env = {
  ...process.env,
  HOME: folder,
  XDG_CONFIG_HOME: join(folder, ".config"),
  PATH: bin + delimiter + (process.env["PATH"] ?? ""),
  GIT_CONFIG_GLOBAL: join(folder, ".gitconfig"),
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_PAGER: "cat",
};

const secret = `apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: prod
stringData:
  username: app
  password: "correct horse"   # rotate twice a year
`;

try {
  mkdirSync(bin);
  writeFileSync(
    join(bin, "kseal"),
    `#!/bin/sh\nexec "${process.execPath}" "${join(root, "dist", "cli", "main.cjs")}" "$@"\n`,
    { mode: 0o755 },
  );
  writeFileSync(join(folder, ".gitconfig"), "[user]\n\tname = demo\n\temail = demo@example.invalid\n");
  quietly("git init --quiet && printf '.bin\\n.config\\n.gitconfig\\n' > .git/info/exclude");

  say("An age identity, and a first rule for Secrets.");
  type("kseal init --yes");
  type("cat .sops.yaml");

  say("A Secret, as kubectl takes it.");
  writeFileSync(join(folder, "db.yaml"), secret);
  type("cat db.yaml");

  say("Encrypt its values. Names stay readable, and so does the comment's place.");
  type("kseal encrypt -i db.yaml");
  type("cut -c 1-100 db.yaml");
  type("git add . && git commit --quiet -m 'db: first secret'");

  say("Change one value. The new one comes from standard input, never from the command line.");
  type(`printf '"battery staple"' | kseal set db.yaml '["stringData"]["password"]' --value-stdin`);

  say("Only that value and the metadata changed.");
  type("git diff --stat");
  type("git diff -U0 | grep '^[-+]' | cut -c 1-60");

  say("Decrypt: the file as it was, with the new value.");
  type("kseal decrypt db.yaml");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function say(text: string): void {
  console.log(`\n# ${text}`);
}

function type(line: string): void {
  console.log(`$ ${line}`);
  const status = quietly(line);
  if (status !== 0) throw new Error(`the demo stops: ${line} ended with ${status}`);
}

function quietly(line: string): number {
  const { status } = spawnSync("sh", ["-c", line], {
    cwd: folder,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return status ?? 1;
}
