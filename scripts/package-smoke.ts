/**
 * Uses what a user gets, in empty folders with an empty HOME: the npm package, packed and installed, with its command and
 * its library; and the executable. The contents of the images are used by test/install/image-contents.test.ts.
 * Prints what it saw; a failure ends it with status 1.
 *
 *   npm run package-smoke
 *   npm run package-smoke -- build/kseal-linux-amd64   another executable than build/kseal
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { mainJob } from "../test/support/main-job.ts";
import { type ProgramResult, runProgram } from "../test/support/run-program.ts";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "kseal-package-"));
const windows = process.platform === "win32";
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

try {
  await useExecutable(resolve(root, process.argv[2] ?? join("build", windows ? "kseal.exe" : "kseal")));
  await usePackage();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function useExecutable(file: string): Promise<void> {
  console.log(`the executable, ${statSync(file).size} bytes`);
  const place = emptyPlace("executable");
  const program = join(place.tools, windows ? "kseal.exe" : "kseal");
  cpSync(file, program);
  await mainJob(place.work, (args) => call([program, ...args], place), ok);

  const said = await call([program, "install", place.copies], place);
  expect(said.status === 0, "the executable copies itself");
  const again = await call([join(place.copies, windows ? "kseal.exe" : "kseal"), "--version"], place);
  expect(again.stdout.toString("utf8").trim() === `kseal ${version}`, "and the copy runs");
}

async function usePackage(): Promise<void> {
  const place = emptyPlace("package");
  const [packed] = JSON.parse(
    npm(["pack", "--json", "--ignore-scripts", "--pack-destination", place.tools], root),
  ) as [{ filename: string; size: number; unpackedSize: number; entryCount: number }];
  console.log(`packed ${packed.filename}: ${packed.size} bytes, ${packed.entryCount} files`);
  writeFileSync(join(place.tools, "package.json"), '{"private":true,"type":"module"}');
  const tarball = join(place.tools, packed.filename);
  npm(["install", "--no-audit", "--no-fund", "--omit=dev", "--ignore-scripts", tarball], place.tools);
  const lock = JSON.parse(readFileSync(join(place.tools, "package-lock.json"), "utf8")) as {
    packages: object;
  };
  console.log(`installed ${Object.keys(lock.packages).length - 1} packages`);

  const main = join(place.tools, "node_modules", "kseal", "dist", "cli", "main.cjs");
  const bin = join(place.tools, "node_modules", ".bin", "kseal");
  const command: [string, ...string[]] = windows ? [process.execPath, main] : [bin];
  const said = await call([...command, "--version"], place);
  expect(said.stdout.toString("utf8").trim() === `kseal ${version}`, "the command says its version");
  await mainJob(place.work, (args) => call([...command, ...args], place), ok);

  const plain = (await call([...command, "decrypt", "db.yaml"], place)).stdout.toString("utf8");
  writeFileSync(
    join(place.tools, "library.js"),
    `import { readFileSync } from "node:fs";
     import { decrypt } from "kseal";
     process.stdout.write(await decrypt(readFileSync(process.argv[2], "utf8"), { name: "db.yaml" }));`,
  );
  const opened = await call(
    [process.execPath, join(place.tools, "library.js"), join(place.work, "db.yaml")],
    place,
  );
  expect(opened.stdout.toString("utf8") === plain, "the library decrypts");
  const types = join(place.tools, "node_modules", "kseal", "dist", "src", "index.d.ts");
  expect(statSync(types).isFile(), "types are shipped");
}

interface Place {
  readonly home: string;
  readonly tools: string;
  readonly work: string;
  readonly copies: string;
}

function emptyPlace(name: string): Place {
  const [home = "", tools = "", work = ""] = ["home", "tools", "work"].map((part) =>
    join(folder, name, part),
  );
  for (const path of [home, tools, work]) mkdirSync(path, { recursive: true });
  return { home, tools, work, copies: join(folder, name, "copies") };
}

/** Runs a program with nothing but Node on PATH. */
function call(command: readonly [string, ...string[]], { home, work }: Place): Promise<ProgramResult> {
  const system = windows ? (process.env["SystemRoot"] ?? "") : "/usr/bin";
  const PATH = [dirname(process.execPath), system, "/bin"].join(delimiter);
  // Windows starts nothing without SystemRoot.
  const more = windows ? { SystemRoot: system, USERPROFILE: home, APPDATA: home, TEMP: tmpdir() } : {};
  return runProgram(command, { cwd: work, env: { HOME: home, PATH, ...more } });
}

/** With the user's own settings. */
function npm(args: readonly string[], cwd: string): string {
  return execFileSync("npm", args, {
    ...{ cwd, encoding: "utf8", shell: windows },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`it fails: ${what}`);
  ok(what);
}

function ok(what: string): void {
  console.log(`ok: ${what}`);
}
