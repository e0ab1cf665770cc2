import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { identities, recipients } from "../test/support/identities.ts";
import { newestSops, peer } from "../test/support/peers.ts";
import { applyWork, measureApply } from "./apply-row.ts";
import { checkRows } from "./check-rows.ts";
import type { Workshop } from "./inputs.ts";
import { startKeyServers } from "./key-rows.ts";
import { compare } from "./measure.ts";
import { renderRows } from "./render-rows.ts";
import { planRows } from "./rows.ts";
import { sealRows } from "./seal-rows.ts";
import { sealedRows } from "./sealed-rows.ts";
import { type Measured, printCommands, printGrowth, printTable } from "./table.ts";
import { measureTemplate, templateWork } from "./template-row.ts";
import { updatekeysRows } from "./updatekeys-row.ts";
import { whoRows } from "./who-row.ts";

/*
 * Measures kseal against the real sops, side by side, and prints the table of README.
 *
 *   npm run bench                          everything, some minutes
 *   npm run bench -- --quick               fewer pairs and the smallest sizes
 *   npm run bench -- --only YAML           the rows whose name has this in it
 *
 * Key servers are the tests' own, but for OpenBao and gpg, which are real; all of them on this machine.
 */

const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});

const root = join(import.meta.dirname, "..");
const builds = {
  executable: join(root, "build", "kseal"),
  bundle: join(root, "dist", "cli", "main.cjs"),
};

const sops = peer("sops");
if (sops === undefined) {
  console.error('the real sops is missing: run "npm run peers"');
  process.exit(1);
}

const workshop = openWorkshop(sops);
const { servers, close } = await startKeyServers();
try {
  const { rows: planned, missing } = planRows(workshop, builds, { ...options, servers });
  const kseal = existsSync(builds.executable) ? [builds.executable] : [process.execPath, builds.bundle];
  const rows = [
    ...planned,
    ...sealRows(workshop, builds, options),
    ...renderRows(workshop, builds, options),
    ...checkRows(workshop, builds, options),
    ...whoRows(workshop, kseal as [string, ...string[]], options),
    ...updatekeysRows(workshop, kseal as [string, ...string[]], options),
    ...(await sealedRows(workshop, kseal as [string, ...string[]], options)),
  ];
  const measured: Measured[] = [];
  for (const row of rows.filter(({ work }) => work.includes(options.only))) {
    process.stderr.write(`${row.work}\n`);
    const memory = row.memoryTarget !== undefined;
    const { pairs, theirsTimes } = row;
    measured.push({
      row,
      comparison: await compare(row.ours(), row.theirs(), { pairs, memory, theirsTimes }),
    });
  }
  const template = templateWork.includes(options.only) ? measureTemplate(options.quick) : undefined;
  if (template !== undefined) measured.push(template);
  const apply = applyWork.includes(options.only)
    ? await measureApply(workshop, kseal as [string, ...string[]], options.quick)
    : undefined;
  if (apply !== undefined) measured.push(apply);
  console.log(
    `sops ${newestSops}, Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores. Times are medians, each pair run side by side.\n`,
  );
  for (const name of missing) console.log(`Not measured: ${name}\n`);
  console.log(printTable(measured));
  const growth = printGrowth(measured);
  if (growth !== "") console.log(`\n${growth}`);
  console.log(`\nWhat each side ran:\n\n${printCommands(measured, shorten)}`);
} finally {
  await close();
  rmSync(workshop.folder, { recursive: true, force: true });
}

function openWorkshop(program: string): Workshop {
  const folder = mkdtempSync(join(tmpdir(), "kseal-bench-"));
  writeFileSync(join(folder, "keys.txt"), `${identities[0]}\n`);
  writeFileSync(join(folder, "empty.mjs"), "");
  return {
    folder,
    sops: program,
    recipient: recipients[0] ?? "",
    env: {
      HOME: folder,
      PATH: "/usr/local/bin:/usr/bin:/bin",
      SOPS_AGE_KEY_FILE: join(folder, "keys.txt"),
      SOPS_DISABLE_VERSION_CHECK: "1",
    },
  };
}

function shorten(text: string): string {
  return text
    .replaceAll(`${workshop.folder}/`, "")
    .replaceAll(process.execPath, "node")
    .replaceAll(`${root}/test/vectors/sealed-secrets/`, "")
    .replaceAll(`${root}/`, "")
    .replaceAll(workshop.sops, "sops")
    .replaceAll(peer("kubeseal") ?? "kubeseal", "kubeseal")
    .replaceAll(peer("kubectl") ?? "kubectl", "kubectl")
    .replaceAll(peer("kustomize") ?? "kustomize", "kustomize")
    .replaceAll(workshop.recipient, `${workshop.recipient.slice(0, 8)}...`);
}
