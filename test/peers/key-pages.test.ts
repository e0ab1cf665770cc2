import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { consoleCommands } from "../support/console-blocks.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { createGpgHome } from "../support/gpg.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { startOpenBao } from "../support/openbao.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

/*
 * Every command of these pages is run as it stands, one after the other in one shell, and must succeed.
 */

const example = "https://vault.example.com:8200";

/** A folder with an unencrypted secret, a rule for it, and `kseal` and other programs on a PATH of its own. */
function workplace(rule: string, programs: Readonly<Record<string, string>> = {}) {
  const secret = "stringData:\n    password: correct horse\n";
  const folder = makeFolder({
    "secrets/db.yaml": secret,
    ".sops.yaml": `creation_rules:\n  - path_regex: ^secrets/\n    ${rule}\n`,
  });
  onTestFinished(() => removeFolder(folder));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const [name, target] of Object.entries(programs)) symlinkSync(target, join(bin, name));
  const words = ksealCommand().map((word) => `'${word}'`);
  writeFileSync(join(bin, "kseal"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
  chmodSync(join(bin, "kseal"), 0o755);
  return { folder, path: `${bin}:${process.env["PATH"]}` };
}

async function runAll(
  commands: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<string> {
  const script = commands.map((command) => `echo '>' >&2; ${command}`).join("\n");
  const { status, stdout, stderr } = await runProgram(["bash", "--norc", "-euo", "pipefail", "-c", script], {
    cwd,
    env,
  });
  const done = stderr.split("\n").filter((line) => line === ">").length;
  expect(status, `after ${commands[done - 1]}:\n${stderr}`).toBe(0);
  expect(done).toBe(commands.length);
  return stdout.toString();
}

describe("every command runs of", () => {
  test.skipIf(!peer("bao"))("docs/keys/vault-transit.md", async () => {
    const bao = await startOpenBao();
    onTestFinished(() => bao.close());
    await bao.call("DELETE", "sys/mounts/sops");
    const rule = `hc_vault_transit_uri: ${bao.url}/v1/sops/keys/team`;
    const { folder, path } = workplace(rule, { vault: peer("bao") ?? "" });
    const token = await bao.tokenFor(["sops/decrypt/team"]);

    const commands = consoleCommands("keys/vault-transit.md").map((command) =>
      // Typed by a person, read from a terminal that is not there.
      command.replace(example, bao.url).replace(/^vault login$/, `vault login ${bao.rootToken}`),
    );
    const env = { PATH: path, HOME: folder, BAO_ADDR: bao.url, TOKEN: token };
    const output = await runAll(commands, { cwd: folder, env });

    expect(commands).toHaveLength(16);
    expect(output).toContain("password: correct horse");
    await expect(bao.call("POST", "auth/token/lookup", { token })).rejects.toThrow("403");
  });

  test.skipIf(!peer("gpg"))("docs/keys/pgp.md", async () => {
    const home = await createGpgHome();
    onTestFinished(() => home.close());
    const ci = await home.generate("CI");
    // There is no terminal; the pinentry asks.
    writeFileSync(join(home.folder, "gpg.conf"), "batch\n");
    const { folder, path } = workplace("pgp: FINGERPRINT");
    const secretKey = await home.run(["--armor", "--export-secret-keys", ci.fingerprint]);
    await home.answer(...Array.from({ length: 40 }, () => "open sesame 1"));

    const commands = consoleCommands("keys/pgp.md").flatMap((command) => {
      // The file belongs to Ann, whose fingerprint nobody knew before, and to CI, whose home is its own.
      if (command.startsWith("kseal encrypt"))
        return [`sed -i "s/FINGERPRINT/'$FP,${ci.fingerprint}'/" .sops.yaml`, command];
      if (command.startsWith("export GNUPGHOME")) return ["OLD=$GNUPGHOME", command];
      if (command.startsWith("gpgconf --kill")) return [command, "export GNUPGHOME=$OLD"];
      return [command];
    });
    const env = { ...home.env, PATH: path, PGP_SECRET_KEY: secretKey };
    const output = await runAll(commands, { cwd: folder, env });

    expect(commands).toHaveLength(26);
    expect(output.match(/password: correct horse/g)).toHaveLength(2);
  });
});
