import fc from "fast-check";
import { afterAll, describe, test } from "vitest";
import type { Format } from "../../src/formats/store.ts";
import { createNodeHost } from "../../src/host/node-host.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identityEnvironment } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { joinDocuments, randomDocument } from "./random-documents.ts";
import { roundTrip } from "./round-trip.ts";

const sops = peer("sops");

// Together 1,000 documents each way; npm run test:slow takes 100,000.
const plan: readonly { readonly format: Format; readonly files: number; readonly documents: number }[] = [
  { format: "yaml", files: 8, documents: 50 },
  { format: "json", files: 6, documents: 50 },
  { format: "dotenv", files: 2, documents: 60 },
  { format: "ini", files: 2, documents: 60 },
  { format: "binary", files: 60, documents: 1 },
];

describe.skipIf(sops === undefined)("random documents", () => {
  const folder = makeFolder();
  afterAll(() => removeFolder(folder));

  test.for(plan)(
    "$format, encrypted by one and decrypted by the other",
    { timeout: 120_000 },
    async ({ format, files, documents }) => {
      const host = createNodeHost({ cwd: folder, homeDir: folder, env: identityEnvironment(folder) });
      const { sopsReadsWhatKsealWrote, ksealReadsWhatSopsWrote } = roundTrip(sops ?? "", folder, host);
      const batch = fc.array(randomDocument(format), { minLength: documents, maxLength: documents });
      const seed = Number(process.env["KSEAL_SEED"] ?? Date.now() % 2 ** 31);

      process.stdout.write(`${format}: seed ${seed}\n`);
      await fc.assert(
        fc.asyncProperty(batch, async (some) => {
          const document = joinDocuments(format, some);
          await sopsReadsWhatKsealWrote(format, document);
          await ksealReadsWhatSopsWrote(format, document);
        }),
        { seed, numRuns: files, interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true },
      );
    },
  );
});
