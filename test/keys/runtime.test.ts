import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import { ageProvider } from "../../src/keys/age.ts";
import { generateIdentity } from "../../src/keys/keygen.ts";
import { generateSshKey } from "../../src/keys/ssh-keygen.ts";
import { ageKey, keyContext, wrapFor } from "../support/key-context.ts";
import { peer } from "../support/peers.ts";
import { createTestHost } from "../support/test-host.ts";

const bun = peer("bun");
const fill = (byte: number) => (length: number) => new Uint8Array(length).fill(byte);

describe.skipIf(!bun)("in the runtime of the executable", () => {
  test("identities of every kind open what Node wrapped, and the reverse", async () => {
    const dataKey = new DataKey(fill(9)(32));
    const [classic, quantum] = await Promise.all(
      [false, true].map((postQuantum) =>
        generateIdentity({ postQuantum, host: { random: fill(1), now: () => 0 } }),
      ),
    );
    const ssh = generateSshKey(fill(4));
    const host = await createTestHost({
      files: { id: ssh.privateKey },
      env: {
        SOPS_AGE_KEY: `${quantum!.fileText()}${classic!.fileText()}`,
        SOPS_AGE_SSH_PRIVATE_KEY_FILE: "id",
      },
    });
    const recipients = [classic!.recipient, quantum!.recipient, ssh.publicKey];
    const wrapped = await Promise.all(
      recipients.map(async (recipient) => ({
        recipient,
        enc: (await wrapFor(recipient, dataKey, keyContext(host))).enc,
      })),
    );
    const script = join(import.meta.dirname, "..", "support", "runtime-check.ts");

    const { status, stdout, stderr } = await host.exec([
      bun!,
      script,
      JSON.stringify({ env: host.env, wrapped }),
    ]);

    expect(status, stderr).toBe(0);
    const { opened, sealed, generated } = JSON.parse(new TextDecoder().decode(stdout));
    expect(opened).toEqual(recipients.map(() => Buffer.from(dataKey.reveal()).toString("hex")));
    expect(generated).toEqual(recipients.slice(0, 2));
    for (const [i, recipient] of recipients.entries()) {
      const back = await ageProvider.unwrap({ key: ageKey(recipient), enc: sealed[i] }, keyContext(host));
      expect(back?.reveal()).toEqual(dataKey.reveal());
    }
  });
});
