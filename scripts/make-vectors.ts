import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, extname, join } from "node:path";
import { newestSops, peer, sopsVersions } from "../test/support/peers.ts";
import {
  type VectorCell,
  type VectorFeature,
  type VectorRecipient,
  vectorFeatures,
} from "../test/support/vector-features.ts";

/*
 * Makes the golden files: test/vectors/sops-<version>/ for every installable version of sops, with the commands that
 * made each file, and the matrix of versions and features. Values are encrypted with random bytes, so every run
 * changes every file: it is run when a feature or a version is added, not as part of the tests.
 *
 *   node scripts/make-vectors.ts
 *   node scripts/make-vectors.ts 3.13.3      only this version
 */

const vectors = join(import.meta.dirname, "..", "test", "vectors");
const matrixFile = join(vectors, "matrix.json");
const wanted = process.argv.slice(2);

const matrix = JSON.parse(readFileSync(matrixFile, "utf8")) as Record<string, Record<string, VectorCell>>;
const workshop = openWorkshop();
try {
  for (const version of sopsVersions.filter((one) => wanted.length === 0 || wanted.includes(one))) {
    matrix[version] = makeVersion(version);
  }
} finally {
  rmSync(workshop, { recursive: true, force: true });
}
writeFileSync(matrixFile, `${JSON.stringify(matrix, null, 2)}\n`);

/** A copy of the sources in a folder without any `.sops.yaml` above it, with the identities in its HOME. */
function openWorkshop(): string {
  const folder = mkdtempSync(join(tmpdir(), "kseal-vectors-"));
  cpSync(join(vectors, "plain"), join(folder, "plain"), { recursive: true });
  for (const name of ["keys.txt", "keys-pq.txt", "groups.sops.yaml"]) {
    cpSync(join(vectors, name), join(folder, name));
  }
  cpSync(join(vectors, "ssh"), join(folder, ".ssh"), { recursive: true });
  for (const name of ["id_ed25519", "id_rsa"]) chmodSync(join(folder, ".ssh", name), 0o600);
  return folder;
}

function makeVersion(version: string): Record<string, VectorCell> {
  const folder = `sops-${version}`;
  mkdirSync(join(workshop, folder));
  const commands: string[] = [
    `# The commands that made these files, run by "node scripts/make-vectors.ts" in test/vectors with sops ${version}.`,
  ];
  const cells = Object.fromEntries(
    vectorFeatures.map((feature) => {
      const made = makeFeature(feature, version);
      if ("file" in made) commands.push("", ...commandsFor(feature, folder));
      console.log(`${version} ${feature.name}${"cannot" in made ? `: ${made.cannot}` : ""}`);
      return [feature.name, made];
    }),
  );
  writeFileSync(join(workshop, folder, "COMMANDS"), `${commands.join("\n")}\n`);
  rmSync(join(vectors, folder), { recursive: true, force: true });
  cpSync(join(workshop, folder), join(vectors, folder), { recursive: true });
  return cells;
}

function makeFeature(feature: VectorFeature, version: string): VectorCell {
  const folder = `sops-${version}`;
  const file = encryptedName(feature);
  const target = join(folder, file);
  const keys = feature.recipients?.includes("pq") ? "keys-pq.txt" : "keys.txt";
  for (const command of commandsFor(feature, folder)) {
    const refusal = runWith(version, command, keys);
    if (refusal !== undefined) {
      rmSync(join(workshop, target), { force: true });
      return { cannot: refusal };
    }
  }
  const byMaker = decrypt(version, target, keys);
  const byNewest = decrypt(newestSops, target, keys);
  if (byNewest === undefined) {
    rmSync(join(workshop, target), { force: true });
    return { cannot: `sops ${version} makes a file that neither it nor sops ${newestSops} can open` };
  }
  const cell = { file, plain: `../plain/${feature.source}` };
  if (byMaker === undefined) {
    const note = `sops ${version} cannot open its own file, sops ${newestSops} can`;
    return { ...cell, decrypted: write(version, feature, `dec-${newestSops}`, byNewest), note };
  }
  const decrypted = write(version, feature, "dec", byMaker);
  return byNewest.equals(byMaker)
    ? { ...cell, decrypted }
    : { ...cell, decrypted, decryptedByNewest: write(version, feature, `dec-${newestSops}`, byNewest) };
}

function commandsFor(feature: VectorFeature, folder: string): readonly string[] {
  const recipients = (feature.recipients ?? ["x25519"]).map(recipient).join(",");
  const flags = [...(recipients === "" ? [] : ["--age", recipients]), ...(feature.flags ?? [])];
  const target = `${folder}/${encryptedName(feature)}`;
  return [
    `sops --encrypt ${flags.map(quote).join(" ")} plain/${feature.source} > ${target}`,
    ...(feature.afterwards ?? []).map((command) => command.replace("FILE", target)),
  ];
}

function recipient(name: VectorRecipient): string {
  if (name === "ssh-ed25519" || name === "ssh-rsa") {
    const publicKey = readFileSync(join(vectors, "ssh", `${name.replace("ssh-", "id_")}.pub`), "utf8");
    return publicKey.split(" ").slice(0, 2).join(" ");
  }
  const keys = ["keys.txt", "keys-pq.txt"].map((file) => readFileSync(join(vectors, file), "utf8")).join("");
  const recipients = [...keys.matchAll(/public key: (age1\S+)/g)];
  const found = recipients[["x25519", "second", "third", "pq"].indexOf(name)]?.[1];
  if (found === undefined) throw new Error(`keys.txt has no identity ${name}`);
  return found;
}

/** @returns Why the command failed, in its own words, or `undefined` when it did not. */
function runWith(version: string, command: string, keys: string): string | undefined {
  const result = spawnSync("sh", ["-c", command], {
    cwd: workshop,
    env: environment(version, keys),
    encoding: "utf8",
  });
  if (result.status === 0) return undefined;
  const lines = result.stderr.trim().split("\n");
  const line = lines.find((one) => /error|flag|could not|failed/i.test(one)) ?? lines[0] ?? "";
  const reason = (/msg="([^"]+)/.exec(line)?.[1] ?? line).replace(/(age1pq1|ssh-\w+ )[\w+/=]+/g, "$1...");
  return `sops ${version} exits ${result.status}: ${reason.trim()}`;
}

function decrypt(version: string, target: string, keys: string): Buffer | undefined {
  const args = ["--decrypt", target];
  try {
    return execFileSync(program(version), args, {
      cwd: workshop,
      env: environment(version, keys),
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return undefined;
  }
}

function environment(version: string, keys: string): NodeJS.ProcessEnv {
  return {
    PATH: `${dirname(program(version))}${delimiter}${process.env["PATH"] ?? ""}`,
    HOME: workshop,
    SOPS_AGE_KEY_FILE: join(workshop, keys),
    SOPS_DISABLE_VERSION_CHECK: "1",
  };
}

function program(version: string): string {
  const path = peer("sops", version);
  if (path === undefined) throw new Error(`sops ${version} is missing: run "npm run peers"`);
  return path;
}

function write(version: string, { file }: VectorFeature, mark: string, bytes: Buffer): string {
  const name = `${basename(file, extname(file))}.${mark}${extname(file)}`;
  writeFileSync(join(workshop, `sops-${version}`, name), bytes);
  return name;
}

function encryptedName({ file }: VectorFeature): string {
  return `${basename(file, extname(file))}.enc${extname(file)}`;
}

function quote(word: string): string {
  return /^[\w./=-]+$/.test(word) ? word : `'${word}'`;
}
