import { parseArgs } from "node:util";
import fc from "fast-check";
import type { Format } from "../src/formats/store.ts";
import { createNodeHost } from "../src/host/node-host.ts";
import { joinDocuments, randomDocument } from "../test/peers/random-documents.ts";
import { roundTrip } from "../test/peers/round-trip.ts";
import { makeFolder, removeFolder } from "../test/support/folders.ts";
import { identityEnvironment } from "../test/support/identities.ts";
import { peer } from "../test/support/peers.ts";
import { repeatFaults } from "./repeat-faults.ts";

/*
 * The expensive half of the tests. First the faults of the controller, ten times; then 100,000 random documents, each
 * encrypted by kseal and decrypted by the real sops, and the other way round. Many documents share a file, so that a call
 * of sops serves hundreds of them.
 *
 *   npm run test:slow                          everything
 *   npm run test:slow -- --faults 10           the faults alone, so many times
 *   npm run test:slow -- --documents 5000      fewer, and no faults
 *   npm run test:slow -- --seed 42             the same documents again
 */

const { values: options, tokens } = parseArgs({
  options: {
    documents: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    only: { type: "string" },
    faults: { type: "string" },
  },
  tokens: true,
});
const given = new Set(tokens.flatMap((token) => (token.kind === "option" ? [token.name] : [])));
if (given.size === 0 || given.has("faults")) {
  if (!(await repeatFaults(Number(options.faults ?? 10)))) process.exitCode = 1;
  if (given.size === 1) process.exit();
}

/** Parts of the whole. A binary file is one document, so every one costs two calls. */
const shares: readonly { readonly format: Format; readonly share: number; readonly inOneFile: number }[] = [
  { format: "yaml", share: 0.5, inOneFile: 250 },
  { format: "json", share: 0.28, inOneFile: 250 },
  { format: "dotenv", share: 0.1, inOneFile: 250 },
  { format: "ini", share: 0.1, inOneFile: 250 },
  { format: "binary", share: 0.02, inOneFile: 1 },
];

const sops = peer("sops");
if (sops === undefined) {
  console.error('the real sops is missing: run "npm run peers"');
  process.exit(1);
}

const seed = Number(options.seed);
console.log(`seed ${seed}`);
const folder = makeFolder();
let equal = true;
try {
  const host = createNodeHost({ cwd: folder, homeDir: folder, env: identityEnvironment(folder) });
  const directions = roundTrip(sops, folder, host);
  for (const { format, share, inOneFile } of shares) {
    if (options.only !== undefined && options.only !== format) continue;
    const files = Math.ceil((Number(options.documents) * share) / inOneFile);
    const started = Date.now();
    const outcome = await fc.check(
      fc.asyncProperty(
        fc.array(randomDocument(format), { minLength: inOneFile, maxLength: inOneFile }),
        async (documents) => {
          const document = joinDocuments(format, documents);
          await directions.sopsReadsWhatKsealWrote(format, document);
          await directions.ksealReadsWhatSopsWrote(format, document);
        },
      ),
      // Shrinking a batch of hundreds would take hours: the seed and the place in the message are enough.
      { seed, numRuns: files, endOnFailure: true },
    );
    if (outcome.failed) {
      console.error(`${format}: failed after ${outcome.numRuns} files, with --seed ${seed} --only ${format}`);
      console.error(outcome.errorInstance);
      equal = false;
      continue;
    }
    const seconds = Math.round((Date.now() - started) / 1000);
    console.log(`${format}: ${(files * inOneFile).toLocaleString("en")} documents both ways, ${seconds} s`);
  }
  console.log(equal ? "all equal" : "not all equal");
  if (!equal) process.exitCode = 1;
} finally {
  removeFolder(folder);
}
