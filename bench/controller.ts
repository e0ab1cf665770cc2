import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeKey, type TestKey } from "../test/support/sealed-files.ts";
import {
  compareOnEmptyQueue,
  compareRestoring,
  keysRow,
  limitedRow,
  readyRow,
  sizesRow,
} from "./controller-comparisons.ts";
import { ksealSide, upstreamSide } from "./controller-side.ts";
import { printRows, type ResultRow } from "./controller-table.ts";

/*
 * Measures the controller against the real Bitnami controller, each on its own real etcd, API server and controller
 * manager, and prints the table of README.
 *
 *   npm run bench:controller                       everything, some 15 minutes
 *   npm run bench:controller -- --quick            fewer objects
 *   npm run bench:controller -- --only keys        the parts whose name has this in it
 *
 * The controller is what its image holds: `npm run build:controller` first.
 */

const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});

const upstream = upstreamSide({ limited: false });
const limited = upstreamSide({ limited: true });
if (upstream === undefined || limited === undefined) {
  console.error('the real controller is missing: run "npm run peers"');
  process.exit(1);
}
if (!existsSync(join(import.meta.dirname, "..", "dist", "controller", "main.cjs"))) {
  console.error('the controller is not built: run "npm run build:controller"');
  process.exit(1);
}
const kseal = ksealSide();
const size = options.quick
  ? { few: 100, many: 400, theirs: 100, foreign: 1000, large: 300, samples: 5, news: 20, limited: 10 }
  : {
      few: 1000,
      many: 4000,
      theirs: 500,
      foreign: 10_000,
      large: 2000,
      samples: 20,
      news: 100,
      limited: 30,
    };

const one = await makeKeys(1);
let firstSeconds: number | undefined;
const parts: Readonly<Record<string, () => Promise<readonly ResultRow[]>>> = {
  objects: async () => {
    const { rows, first } = await compareOnEmptyQueue(one, { kseal, upstream }, size);
    firstSeconds = first / 1000;
    return rows;
  },
  limits: async () => [await limitedRow(one, limited, { ...size, ours: firstSeconds })],
  keys: async () => [await keysRow({ one, all: await makeKeys(31) }, kseal, size.few)],
  restoring: () => compareRestoring(one, { kseal, upstream }, size),
  ready: async () => [await readyRow(one, { kseal, upstream }, size.samples)],
  sizes: async () => [await sizesRow(one, kseal, size)],
};

const rows: ResultRow[] = [];
for (const [name, measure] of Object.entries(parts).filter(([name]) => name.includes(options.only))) {
  process.stderr.write(`${name}\n`);
  const measured = await measure();
  // It is long until the end, and what was measured is not to be lost.
  process.stderr.write(`${printRows(measured)}\n`);
  rows.push(...measured);
}
console.log(
  `Bitnami controller 0.36.6, kube-apiserver 1.35.4, Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores for everything. Keys have 4096 bits, objects 3 values.\n`,
);
console.log(printRows(rows));

/** Newest first. Two at a time: making one takes a second. */
async function makeKeys(count: number): Promise<readonly TestKey[]> {
  const made: TestKey[] = [];
  for (let age = 1; age <= count; age += 2) {
    const ages = [age, age + 1].filter((each) => each <= count);
    made.push(...(await Promise.all(ages.map((each) => makeKey({ age: each, bits: 4096 })))));
  }
  return made;
}
