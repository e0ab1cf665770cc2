import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { storeFor } from "../src/formats/detect.ts";
import { renderPlain } from "../src/ops/decrypt-text.ts";
import { type OpenedFile, openText } from "../src/ops/load-file.ts";
import { resealFile, sameDocument } from "../src/ops/reseal-file.ts";
import { createContext } from "../src/wiring.ts";
import { allIdentities, vectorsFolder } from "./support/identities.ts";
import { sopsVersions } from "./support/peers.ts";
import { asSopsReads } from "./support/sops-view.ts";
import { createTestHost } from "./support/test-host.ts";
import { vectorFeatures } from "./support/vector-features.ts";
import { readVectors, type Vector, vectorMatrix } from "./support/vector-matrix.ts";

const versions = ["3.7.3", ...sopsVersions];
const vectors = readVectors().map((vector) => ({ title: `${vector.version} ${vector.feature}`, vector }));

describe("the matrix of golden files", () => {
  test("has every installable version and the oldest recorded one", () => {
    expect(Object.keys(vectorMatrix).toSorted()).toEqual(versions.toSorted());
  });

  const cells = versions.flatMap((version) => vectorFeatures.map(({ name }) => [version, name] as const));
  test.for(cells)("sops %s has a file for %s, or a reason why not", ([version, name]) => {
    const cell = vectorMatrix[version]?.[name];
    if (cell === undefined) throw new Error("no cell: run node scripts/make-vectors.ts");
    if ("cannot" in cell) return expect(cell.cannot).toMatch(/^(sops|not) /);
    for (const file of [cell.file, cell.plain, cell.decrypted, cell.decryptedByNewest ?? cell.decrypted]) {
      expect(existsSync(join(vectorsFolder, `sops-${version}`, file)), file).toBe(true);
    }
  });

  test.for(versions)("no file of sops %s stands outside it", (version) => {
    const listed = readVectors()
      .filter((vector) => vector.version === version)
      .map(({ file }) => file);
    const present = readdirSync(join(vectorsFolder, `sops-${version}`)).filter((file) =>
      file.includes(".enc."),
    );
    // More recordings of 3.7.3 than features: two.enc.yaml and the like are all named by some cell or another.
    expect(present.filter((file) => !listed.includes(file) && !extraRecordings.includes(file))).toEqual([]);
  });
});

const extraRecordings = ["secret_yaml.enc.yaml", "top_ini.enc.ini"];

describe("a file that sops wrote opens, with equal values, types, order and comments", () => {
  test.for(vectors)("$title", async ({ vector }) => {
    const { opened, context } = await open(vector.encrypted, vector);
    const { content } = await renderPlain(opened, {}, context);

    if (opened.parsed.format === "yaml") {
      const { parse } = await storeFor("yaml");
      const expected = vector.decrypted.map((bytes) => asSopsReads(parse(bytes).document));
      expect(expected).toContainEqual(asSopsReads(opened.plain));
      expect(asSopsReads(parse(content).document)).toEqual(asSopsReads(opened.plain));
    } else {
      // Before 3.10 JSON ended without a line break, and kseal keeps what it finds.
      const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1").replace(/}\n$/, "}");
      expect(vector.decrypted.map(text)).toContain(text(content));
    }
  });
});

describe("a file that sops wrote is written again", () => {
  test.for(vectors)(
    "$title keeps every ciphertext and its layout when nothing changes",
    async ({ vector }) => {
      const { opened, context } = await open(vector.encrypted, vector);
      const again = Buffer.from(await resealFile(opened, {}, context));

      expect(ciphertexts(again)).toEqual(ciphertexts(vector.encrypted));
      const reopened = await open(again, vector);
      expect(sameDocument(reopened.opened.plain, opened.plain)).toBe(true);
      expect(reopened.opened.metadata.groups).toEqual(opened.metadata.groups);
    },
  );

  test.for(vectors)("$title opens again after every value was encrypted anew", async ({ vector }) => {
    const { opened, context } = await open(vector.encrypted, vector);
    const rekey = {
      dataKey: opened.dataKey,
      groups: opened.metadata.groups,
      shamirThreshold: opened.metadata.shamirThreshold,
    };
    const again = Buffer.from(await resealFile(opened, { rekey }, context));

    const before = ciphertexts(vector.encrypted);
    expect(ciphertexts(again).filter((text) => before.includes(text))).toEqual([]);
    expect(sameDocument((await open(again, vector)).opened.plain, opened.plain)).toBe(true);
  });
});

async function open(bytes: Buffer, { version, file }: Vector) {
  const context = await createContext(await createTestHost({ env: identityVariables(version) }));
  const opened: OpenedFile = await openText({ file, name: file, bytes }, {}, context);
  return { opened, context };
}

function identityVariables(version: string): Record<string, string> {
  const own = join(vectorsFolder, `sops-${version}`, "keys.txt");
  return {
    SOPS_AGE_KEY: existsSync(own) ? readFileSync(own, "utf8") : allIdentities,
    SOPS_AGE_SSH_PRIVATE_KEY_FILE: join(vectorsFolder, "ssh", "id_ed25519"),
    SOPS_AGE_SSH_PRIVATE_KEY_CMD: `cat '${join(vectorsFolder, "ssh", "id_rsa")}'`,
  };
}

/** The encrypted values and comments, without the MAC, which changes with the time. */
function ciphertexts(bytes: Buffer): readonly string[] {
  const text = bytes.toString("latin1").replace(/^.*(?:\b|_)mac"?\s*[:=].*$/gm, "");
  return [...text.matchAll(/ENC\[AES256_GCM,[^\]]*\]/g)].map(([whole]) => whole);
}
