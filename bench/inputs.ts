import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where the work happens, and with what. */
export interface Workshop {
  readonly folder: string;
  readonly sops: string;
  readonly recipient: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A YAML file of so many values of about 100 bytes, every type among them, in groups of a hundred; plain and encrypted. */
export function yamlFiles(workshop: Workshop, values: number): { plain: string; encrypted: string } {
  return inputs(workshop, `values-${values}.yaml`, () => {
    const lines: string[] = [];
    for (let index = 0; index < values; index++) {
      if (index % 100 === 0) lines.push(`group_${String(index / 100).padStart(5, "0")}:`);
      lines.push(`    key_${String(index).padStart(6, "0")}: ${sampleValue(index)}`);
    }
    return Buffer.from(`${lines.join("\n")}\n`);
  });
}

/** A binary file of so many MB that does not compress; plain and encrypted. */
export function binaryFiles(workshop: Workshop, megabytes: number): { plain: string; encrypted: string } {
  return inputs(workshop, `${megabytes}-mb.bin`, () => {
    const block = Buffer.concat(Array.from({ length: 31_250 }, (_, index) => digest(`block ${index}`)));
    return Buffer.concat(Array.from({ length: megabytes }, () => block));
  });
}

/** One small Kubernetes Secret, encrypted. */
export function smallFile(workshop: Workshop): string {
  return inputs(workshop, "secret.yaml", () => Buffer.from(secret(0))).encrypted;
}

/** A folder of small encrypted files, each with a data key of its own. */
export function manyFiles(workshop: Workshop, count: number): { folder: string; files: readonly string[] } {
  const folder = join(workshop.folder, `many-${count}`);
  mkdirSync(folder, { recursive: true });
  const files = Array.from({ length: count }, (_, index) => {
    const file = join(folder, `secret-${String(index).padStart(4, "0")}.yaml`);
    if (!existsSync(file)) {
      writeFileSync(file, secret(index));
      execFileSync(workshop.sops, ["--encrypt", "--in-place", "--age", workshop.recipient, file], {
        env: workshop.env,
        cwd: workshop.folder,
      });
    }
    return file;
  });
  return { folder, files };
}

function inputs(workshop: Workshop, name: string, make: () => Buffer): { plain: string; encrypted: string } {
  const [plain, encrypted] = [join(workshop.folder, `plain-${name}`), join(workshop.folder, name)];
  if (!existsSync(encrypted)) {
    writeFileSync(plain, make());
    const args = ["--encrypt", "--age", workshop.recipient, "--output", encrypted, plain];
    execFileSync(workshop.sops, args, { env: workshop.env, cwd: workshop.folder });
  }
  return { plain, encrypted };
}

/** A small Kubernetes Secret in clear, different for each number. */
export function secret(index: number): string {
  const data = ["username", "password", "host", "token"].map(
    (key) => `    ${key}: ${text(`${key} ${index}`).slice(0, 24)}\n`,
  );
  return `apiVersion: v1\nkind: Secret\nmetadata:\n    name: secret-${index}\nstringData:\n${data.join("")}`;
}

function sampleValue(index: number): string {
  switch (index % 10) {
    case 0:
      return String(index * 1_000_003);
    case 1:
      return String(index % 20 === 1);
    case 2:
      return String(index + 0.5);
    default:
      // Strings carry the bytes that numbers and booleans lack, so that a value takes 100 bytes on average.
      return `${text(String(index))}${text(`more ${index}`).slice(0, 44)}`;
  }
}

function text(seed: string): string {
  return digest(seed).toString("hex");
}

function digest(seed: string): Buffer {
  return createHash("sha256").update(seed).digest();
}
