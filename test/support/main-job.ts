import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProgramResult } from "./run-program.ts";

const secret =
  "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2 # keep\n";

/**
 * The main job, from an empty folder with an empty HOME: make an identity, write the first rule, encrypt a Secret,
 * decrypt it, and make manifests of it for Argo CD.
 *
 * @param folder - The working folder of `kseal`, as it is called here.
 * @param kseal - Runs kseal in that folder.
 * @param say - Told what holds.
 * @throws Error With what does not.
 */
export async function mainJob(
  folder: string,
  kseal: (args: readonly string[]) => Promise<ProgramResult>,
  say: (what: string) => void = () => undefined,
): Promise<void> {
  const run = async (...args: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await kseal(args);
    if (status !== 0) throw new Error(`kseal ${args.join(" ")} ended with ${status}: ${stderr}`);
    return stdout.toString("utf8");
  };
  const expect = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`it fails: ${what}`);
    say(what);
  };
  const file = join(folder, "db.yaml");
  await run("keygen", "--save");
  await run("init", "--yes");
  expect(readFileSync(join(folder, ".sops.yaml"), "utf8").includes("age1"), "init writes a rule");
  writeFileSync(file, secret);
  // In an image kseal is another user.
  chmodSync(file, 0o666);
  await run("encrypt", "-i", "db.yaml");
  expect(!readFileSync(file, "utf8").includes("hunter2"), "encrypt hides the value");
  expect((await run("decrypt", "db.yaml")) === secret, "decrypt gives the text back");
  expect((await run("argocd", "generate")) === secret, "Argo CD gets the Secret");
}
