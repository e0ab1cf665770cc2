import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeFolder, readFolder, removeFolder } from "../support/folders.ts";
import { identities, recipients } from "../support/identities.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { runProgram } from "../support/run-program.ts";
import { sealedVector } from "../support/sealed.ts";

/*
 * What leaves Git goes where it was asked for and nowhere else: after each run, good or bad, a planted value is searched
 * in what was printed and in every file of the working folder, of HOME and of the folder for temporary files. The
 * searches for `render`, `argocd` and `apply`, the last with the cluster's events and annotations, stand in test/peers.
 */

const planted = "pl4nted-hunter2";
const forms = [planted, Buffer.from(planted).toString("base64"), encodeURIComponent(planted)];
const holds = (text: Buffer | string) => forms.some((form) => text.includes(form));

const secret = `apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\nstringData:\n  password: ${planted}\n`;
const rules = (recipient: string) =>
  `creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: ${recipient}\nkseal:\n  clusters:\n    - name: prod\n      certificate: cluster.pem\n  sealing:\n    - cluster: prod\n`;

let folder: string;
beforeEach(async () => {
  folder = makeFolder({
    "home/.config/sops/age/keys.txt": `${identities[0]}\n`,
    "tmp/empty": "",
    "work/.sops.yaml": rules(recipients[0] ?? ""),
    "work/cluster.pem": sealedVector("rsa2048.crt.pem"),
    "work/keys.pem": sealedVector("rsa2048.key.pem") + sealedVector("rsa2048.crt.pem"),
    "work/apps/db.yaml": secret,
  });
  expect(await kseal("encrypt", "-i", "apps/db.yaml")).toMatchObject({ status: 0 });
});
afterEach(() => removeFolder(folder));

function kseal(...args: readonly string[]) {
  return runProgram([...ksealCommand(), ...args], {
    cwd: join(folder, "work"),
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: join(folder, "home"),
      TMPDIR: join(folder, "tmp"),
      XDG_RUNTIME_DIR: join(folder, "tmp"),
    },
  });
}

/** The files that hold the value. */
const clear = () => [...readFolder(folder)].filter(([, content]) => holds(content)).map(([path]) => path);

/** A second file that nobody here can open, which makes the whole run fail. */
async function foreign(): Promise<void> {
  const work = join(folder, "work");
  writeFileSync(join(work, "other.yaml"), rules(recipients[1] ?? ""));
  writeFileSync(join(work, "apps/zz.yaml"), secret);
  expect(await kseal("encrypt", "--config", "other.yaml", "-i", "apps/zz.yaml")).toMatchObject({ status: 0 });
}

describe("a planted value", () => {
  test("is found by this search where it stands", () => {
    writeFileSync(join(folder, "tmp/left-behind"), `x: ${forms[1]}\n`);
    expect(clear()).toEqual(["tmp/left-behind"]);
  });

  test.each([
    ["convert to SealedSecrets", ["convert", "--to", "sealed", "-i", "apps"]],
    ["convert, tried only", ["convert", "--to", "sealed", "--dry-run", "-i", "apps"]],
    ["convert with a report", ["convert", "--to", "sealed", "-o", "json", "-i", "apps"]],
    ["diff with the key", ["diff", "apps/db.yaml", "apps/db.yaml"]],
    ["check with the key", ["check", "apps"]],
    ["an export that is tried only", ["export", "--out", "values", "--allow-disk", "--dry-run", "apps"]],
  ])("is nowhere after %s", async (_, args) => {
    const { status, stdout, stderr } = await kseal(...args);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(holds(stdout) || holds(stderr)).toBe(false);
    expect(clear()).toEqual([]);
  });

  test("is nowhere after convert there and back", async () => {
    expect(await kseal("convert", "--to", "sealed", "-i", "apps")).toMatchObject({ status: 0 });
    const back = await kseal("convert", "--to", "sops", "--key", "keys.pem", "-i", "apps");
    expect(back).toMatchObject({ status: 0 });
    expect(holds(back.stdout) || holds(back.stderr)).toBe(false);
    expect(clear()).toEqual([]);
  });

  test("is in the folder that was asked for, and nowhere else", async () => {
    const plain = await kseal("convert", "--to", "secret", "--out", "../plain", "apps");
    expect(plain).toMatchObject({ status: 0 });
    const exported = await kseal("export", "--out", "../values", "--allow-disk", "apps");
    expect(exported).toMatchObject({ status: 0 });
    for (const { stdout, stderr } of [plain, exported]) expect(holds(stdout) || holds(stderr)).toBe(false);
    const places = clear();
    expect(places.filter((path) => !/^(plain|values)\//.test(path))).toEqual([]);
    expect(new Set(places.map((path) => path.split("/")[0]))).toEqual(new Set(["plain", "values"]));
  });

  test("is on standard output and not beside it", async () => {
    for (const args of [
      ["export", "-o", "json", "apps"],
      ["decrypt", "apps/db.yaml"],
    ]) {
      const { status, stdout, stderr } = await kseal(...args);
      expect({ status, out: holds(stdout), err: holds(stderr) }).toEqual({
        status: 0,
        out: true,
        err: false,
      });
    }
    expect(clear()).toEqual([]);
  });

  test.each([
    ["convert to SealedSecrets", ["convert", "--to", "sealed", "-i", "apps"]],
    ["convert to Secrets", ["convert", "--to", "secret", "--out", "../plain", "apps"]],
    ["export to files", ["export", "--out", "../values", "--allow-disk", "apps"]],
    ["export as JSON", ["export", "-o", "json", "apps"]],
    ["decrypt", ["decrypt", "--out", "../plain", "apps"]],
  ])("is nowhere when one of the files does not open: %s", async (_, args) => {
    await foreign();
    const { status, stdout, stderr } = await kseal(...args);
    expect(status).not.toBe(0);
    expect(stderr).toContain("apps/zz.yaml");
    expect(holds(stdout) || holds(stderr)).toBe(false);
    expect(clear()).toEqual([]);
  });

  test.each([
    ["convert to Secrets", ["convert", "--to", "secret", "--out", "taken", "apps"]],
    ["export to files", ["export", "--out", "taken", "--allow-disk", "apps"]],
  ])("is nowhere when a file stands where the folder should be: %s", async (_, args) => {
    writeFileSync(join(folder, "work/taken"), "mine\n");
    const { status, stdout, stderr } = await kseal(...args);
    expect({ status, stderr }).not.toMatchObject({ status: 0 });
    expect(holds(stdout) || holds(stderr)).toBe(false);
    expect(clear()).toEqual([]);
  });

  test("is nowhere after a SealedSecret of another cluster was to become a SOPS file", async () => {
    expect(await kseal("convert", "--to", "sealed", "-i", "apps")).toMatchObject({ status: 0 });
    mkdirSync(join(folder, "aside"));
    renameSync(join(folder, "work/keys.pem"), join(folder, "aside/keys.pem"));
    writeFileSync(
      join(folder, "work/keys.pem"),
      sealedVector("rsa4096.key.pem") + sealedVector("rsa4096.crt.pem"),
    );
    const { status, stdout, stderr } = await kseal(
      "convert",
      "--to",
      "sops",
      "--key",
      "keys.pem",
      "-i",
      "apps",
    );
    expect(status).not.toBe(0);
    expect(holds(stdout) || holds(stderr)).toBe(false);
    expect(clear()).toEqual([]);
  });
});
