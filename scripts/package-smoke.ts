/**
 * Packs kseal, installs the tarball into an empty folder and uses what a user gets: the command and the library.
 * Prints what it saw; a failure ends it with status 1.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "kseal-package-"));
const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: join(folder, ".config") };

try {
  const [packed] = JSON.parse(
    run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  ) as [{ filename: string; size: number; unpackedSize: number; entryCount: number }];
  console.log(`packed ${packed.filename}: ${packed.size} bytes, ${packed.entryCount} files`);
  writeFileSync(join(folder, "package.json"), '{"private":true,"type":"module"}');
  run("npm", ["install", "--no-audit", "--no-fund", "--omit=dev", join(folder, packed.filename)], folder);
  const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as { packages: object };
  const size = run("du", ["-sk", "node_modules"], folder).split("\t")[0];
  console.log(`installed ${Object.keys(lock.packages).length - 1} packages, ${size} KiB`);

  const kseal = join(folder, "node_modules", ".bin", "kseal");
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(run(kseal, ["--version"], folder).trim() === `kseal ${version}`, "the command says its version");

  run(kseal, ["keygen", "--save"], folder);
  const secret =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2 # keep\n";
  const recipient = run(kseal, ["init", "--yes"], folder) && readFileSync(join(folder, ".sops.yaml"), "utf8");
  expect(recipient.includes("age1"), "init writes a rule");
  writeFileSync(join(folder, "db.yaml"), secret);
  run(kseal, ["encrypt", "-i", "db.yaml"], folder);
  expect(!readFileSync(join(folder, "db.yaml"), "utf8").includes("hunter2"), "encrypt hides the value");
  expect(run(kseal, ["decrypt", "db.yaml"], folder) === secret, "decrypt gives the text back");

  writeFileSync(
    join(folder, "library.js"),
    `import { readFileSync } from "node:fs";
     import { decrypt } from "kseal";
     process.stdout.write(await decrypt(readFileSync("db.yaml", "utf8"), { name: "db.yaml" }));`,
  );
  expect(run(process.execPath, ["library.js"], folder) === secret, "the library decrypts");
  expect(
    statSync(join(folder, "node_modules", "kseal", "dist", "src", "index.d.ts")).isFile(),
    "types are shipped",
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(command: string, args: readonly string[], cwd: string): string {
  // npm keeps the user's own settings; kseal gets a home of its own.
  const environment = command === "npm" ? process.env : env;
  return execFileSync(command, args, {
    cwd,
    env: environment,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the package fails: ${what}`);
  console.log(`ok: ${what}`);
}
