import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { failureKinds } from "../../src/errors.ts";
import { formatOfName, storeFor } from "../../src/formats/detect.ts";
import { decrypt, KsealError } from "../../src/index.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities, identityEnvironment, vectorsFolder } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { mapLimited, runProgram } from "../support/run-program.ts";
import { asSopsReads } from "../support/sops-view.ts";
import { createTestHost } from "../support/test-host.ts";

interface Damaged {
  /** What was done, for the report. */
  readonly damage: string;
  readonly bytes: Buffer;
}

const sops = peer("sops");
const vectors = join(vectorsFolder, "sops-3.13.3");
// The smallest golden file of each store: every byte of it costs a run of sops.
const files = ["comments-inline.enc.yaml", "types.enc.json", "app.enc.env", "app.enc.ini", "note.enc.txt"];
const exitCodes = new Set([0, ...failureKinds().map(({ exitCode }) => exitCode)]);

// A file cut off or with a bit flipped must end in a failure that names it, or in what the real sops makes of it.
describe.for(files)("%s", (name) => {
  const intact = readFileSync(join(vectors, name));
  const prefixes = Array.from(intact, (_, length) => cutOff(intact, length));
  const flipped = Array.from(intact, (_, index) => flip(intact, index));

  test("every prefix is a known failure, or what sops reads", { timeout: 300_000 }, () =>
    expectAgreement(name, prefixes),
  );

  test("every flipped byte is a known failure, or what sops reads", { timeout: 300_000 }, () =>
    expectAgreement(name, flipped),
  );

  test("on the command line: nothing on standard output, a known exit status, and the file as it was", async () => {
    const sample = [prefixes, flipped].flatMap((all) =>
      all.filter((_, index) => index % Math.ceil(all.length / 5) === 3),
    );
    for (const { damage, bytes } of sample) {
      const host = await createTestHost({
        env: { SOPS_AGE_KEY: identities.join("\n") },
        files: { [name]: bytes },
      });
      for (const args of [
        ["decrypt", name],
        ["decrypt", "-i", name],
        ["rotate", "-i", name],
      ]) {
        const status = await run(args, host);
        expect(exitCodes, damage).toContain(status);
        if (status === 0) break;
        expect(host.stdoutBytes(), damage).toHaveLength(0);
        expect(host.stderrText(), damage).toContain(name);
        expect(readFileSync(join(host.cwd, name)), damage).toEqual(Buffer.from(bytes));
      }
    }
  });
});

function cutOff(intact: Buffer, length: number): Damaged {
  const end = JSON.stringify(intact.toString("latin1", Math.max(0, length - 20), length));
  return { damage: `cut off at ${length}, after ${end}`, bytes: intact.subarray(0, length) };
}

function flip(intact: Buffer, index: number): Damaged {
  const bytes = Buffer.from(intact);
  bytes[index] = bytes.readUInt8(index) ^ (1 << (index % 8));
  const around = JSON.stringify(bytes.toString("latin1", Math.max(0, index - 15), index + 15));
  return {
    damage: `byte ${index}, once ${JSON.stringify(intact.toString("latin1", index, index + 1))}, in ${around}`,
    bytes,
  };
}

async function expectAgreement(name: string, damaged: readonly Damaged[]): Promise<void> {
  const opened: (Damaged & { readonly plain: Uint8Array })[] = [];
  for (const item of damaged) {
    try {
      opened.push({ ...item, plain: await decrypt<Uint8Array>(item.bytes, { name, identities }) });
    } catch (error) {
      // Anything else is a crash: exit 70 on the command line.
      if (!(error instanceof KsealError)) throw error;
    }
  }
  if (sops === undefined) return;
  const disagreements = await mapLimited(opened, 2, async ({ damage, bytes, plain }) => {
    const folder = makeFolder({ [name]: bytes });
    try {
      const env = identityEnvironment(folder);
      const { status, stdout, stderr } = await runProgram([sops, "decrypt", name], { cwd: folder, env });
      if (status !== 0) return [`${damage}: sops ends with ${status}, ${stderr.trim().split("\n")[0]}`];
      const agrees = (await contentOf(name, stdout)) === (await contentOf(name, plain));
      return agrees ? [] : [`${damage}: sops reads something else`];
    } finally {
      removeFolder(folder);
    }
  });
  expect(disagreements.flat()).toEqual([]);
}

// Values, types, order and comments; the two print different layouts.
async function contentOf(name: string, plain: Uint8Array): Promise<string> {
  const format = formatOfName(name);
  if (format === "binary") return Buffer.from(plain).toString("latin1");
  const { parse } = await storeFor(format);
  return JSON.stringify(asSopsReads(parse(plain).document, format));
}
