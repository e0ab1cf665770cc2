import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostScript, runScript } from "../support/child-process.ts";
import { createTestHost, type TestHost } from "../support/test-host.ts";

const paths = ["a/1.yaml", "a/2.yaml", "b/3.yaml", "b/4.yaml"];
/** Long enough that a torn write would show. */
const content = (generation: number) => `${String(generation).padStart(6, "0")}\n`.repeat(2000);

async function startingHost(): Promise<TestHost> {
  return createTestHost({ files: Object.fromEntries(paths.map((path) => [path, content(0)])) });
}

/** The generation of each file; fails when one is not whole. */
function generations(host: TestHost): readonly number[] {
  return paths.map((path) => {
    const text = readFileSync(join(host.cwd, path), "utf8");
    const generation = Number(text.slice(0, 6));
    expect(text).toBe(content(generation));
    return generation;
  });
}

function leftovers(host: TestHost): readonly string[] {
  const journals = join(host.homeDir, ".local/state/kseal/journals");
  return [
    ...readdirSync(join(host.cwd, "a")),
    ...readdirSync(join(host.cwd, "b")),
    ...(existsSync(journals) ? readdirSync(journals) : []),
  ].filter((name) => !/^[1-4]\.yaml$/.test(name));
}

test("kill -9 at random moments leaves every file old or new, and the next run makes the set whole", async () => {
  const host = await startingHost();
  let generation = 1;
  for (let round = 0; round < 60; round++) {
    const child = runScript(`${hostScript(host)}
      const paths = ${JSON.stringify(paths)};
      for (let generation = ${generation}; ; generation++) {
        console.log("write", generation);
        const bytes = Buffer.from((String(generation).padStart(6, "0") + "\\n").repeat(2000));
        await host.replaceFiles(paths.map((path) => ({ path, bytes })));
      }`);
    await child.waitFor(`write ${generation + (round % 3)}\n`);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
    child.process.kill("SIGKILL");
    await child.ended();

    generations(host);
    await host.replaceFiles([]);
    const found = generations(host);
    expect(new Set(found).size, `generations ${found}`).toBe(1);
    generation = found[0]! + 1;
  }
  await host.replaceFiles(paths.map((path) => ({ path, bytes: Buffer.from(content(generation)) })));

  expect(generations(host)).toEqual(paths.map(() => generation));
  expect(leftovers(host)).toEqual([]);
});

test.for([1, 2, 3, 4])("kill -9 before rename %i of four: the next run finishes the set", async (last) => {
  const host = await startingHost();
  await killBeforeRename(host, last);

  expect(generations(host).filter((generation) => generation === 1)).toHaveLength(last - 1);
  await host.replaceFiles([]);
  expect(generations(host)).toEqual([1, 1, 1, 1]);
  expect(leftovers(host)).toEqual([]);
});

test("a file that somebody wrote after the kill is kept, and the others go back", async () => {
  const host = await startingHost();
  await killBeforeRename(host, 3);
  await host.createFile("b/4.yaml", Buffer.from(content(7)), { overwrite: true });
  await host.withLock("a/1.yaml", async () => expect(generations(host)).toEqual([0, 0, 0, 7]));

  expect(leftovers(host)).toEqual([]);
});

test("kill -9 behind the last rename: the old versions go with the next run, though it writes nothing", async () => {
  const host = await startingHost();
  await killBeforeRename(host, 4);
  const journals = join(host.homeDir, ".local/state/kseal/journals");
  const [name = ""] = readdirSync(journals);
  for (const { next, target } of JSON.parse(readFileSync(join(journals, name), "utf8"))) {
    if (existsSync(next)) renameSync(next, target);
  }
  renameSync(join(journals, name), join(journals, `${name}.done`));
  expect(leftovers(host).filter((leftover) => leftover.endsWith(".old"))).toHaveLength(4);
  await host.withLock("a/1.yaml", async () => {});

  expect(generations(host)).toEqual([1, 1, 1, 1]);
  expect(leftovers(host)).toEqual([]);
});

test("files of the set that are gone since do not stop the next run", async () => {
  const host = await startingHost();
  await killBeforeRename(host, 3);
  const { rm } = await import("node:fs/promises");
  await rm(join(host.cwd, "b"), { recursive: true });
  await host.replaceFiles([{ path: "a/1.yaml", bytes: Buffer.from(content(9)) }]);

  expect(readFileSync(join(host.cwd, "a/1.yaml"), "utf8")).toBe(content(9));
  expect(readFileSync(join(host.cwd, "a/2.yaml"), "utf8")).toBe(content(0));
});

test("kill -9 while a single file is written leaves no temporary file after the next run", async () => {
  const host = await startingHost();
  await killBeforeRename(host, 1, ["a/1.yaml"]);

  expect(leftovers(host)).toHaveLength(1);
  await host.replaceFiles([{ path: "a/2.yaml", bytes: Buffer.from(content(0)) }]);
  expect(leftovers(host)).toEqual([]);
  expect(generations(host)).toEqual([0, 0, 0, 0]);
});

test("temporary files of a kseal that still runs, or runs elsewhere, are left alone", async () => {
  const host = await startingHost();
  const child =
    runScript(`${hostScript(host).replace("userId:", "rename: () => { console.log('waiting'); return new Promise(() => setInterval(() => {}, 1000)); }, userId:")}
    await host.replaceFiles([{ path: "a/1.yaml", bytes: Buffer.from("new") }]);`);
  await child.waitFor("waiting");
  await host.createFile("a/.kseal-01234567-1-0-1.new", Buffer.from("of another machine"));
  await host.replaceFiles([{ path: "a/2.yaml", bytes: Buffer.from(content(0)) }]);

  expect(leftovers(host)).toHaveLength(2);
});

/** Ends a process right before its n-th rename. */
async function killBeforeRename(host: TestHost, last: number, files = paths): Promise<void> {
  const script = hostScript(host).replace(
    "userId:",
    `rename: async (from, to) => {
       count += 1;
       if (count === ${last}) { process.kill(process.pid, "SIGKILL"); await new Promise(() => {}); }
       (await import("node:fs")).renameSync(from, to);
     }, userId:`,
  );
  const child = runScript(`let count = 0; ${script}
    const bytes = Buffer.from("000001\\n".repeat(2000));
    await host.replaceFiles(${JSON.stringify(files)}.map((path) => ({ path, bytes })));`);

  expect(await child.ended()).toMatchObject({ signal: "SIGKILL" });
}
