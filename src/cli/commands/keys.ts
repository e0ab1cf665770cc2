import { KsealError } from "../../errors.ts";
import type { ClusterFlags } from "../../ops/cluster-flags.ts";
import type { KeyOrder } from "../../sealed/sealing-key.ts";
import { certificateFlagsOf } from "../certificate-options.ts";
import type { Action, OptionValues } from "../command.ts";
import { milliseconds } from "../keygen-sealing.ts";
import { placesOf, recipientsOf, refuseStrayFlags } from "../keys-flags.ts";
import { describeBackups, describeDrill, describeKeys, describeWrapping } from "../keys-report.ts";
import { numberOf } from "../option-parsing.ts";

export const action: Action = ({ args: [verb = "", ...names], options }, cli) => {
  const found = verbs.get(verb);
  if (found === undefined) {
    const known = [...verbs.keys()].join(", ");
    throw new KsealError("USAGE", `keys knows ${known}, not ${JSON.stringify(verb)}`, {
      hint: "kseal keys list, or kseal help keys",
    });
  }
  refuseStrayFlags(verb, options);
  return found({ args: names, options }, cli);
};

const list: Action = async ({ args, options }, { output, context }) => {
  refuseNames(args, "list");
  const { listKeys } = await import("../../ops/keys-list.ts");
  const listed = await listKeys(
    { cluster: clusterOf(options), paths: options.list("path"), order: orderOf(options) },
    await context(),
  );
  for (const what of listed.unseen) output.warn(`${what}; a key may open more than is counted`);
  if (listed.closed > 0) output.warn(`none of the keys opens all of ${listed.closed} SealedSecrets`);
  if (listed.keys.length === 0) output.info("there is no sealing key in the controller's namespace");
  await output.report(describeKeys(listed), listed);
  return 0;
};

const make: Action = async ({ args, options }, { output, context }) => {
  refuseNames(args, "new");
  const { newKey } = await import("../../ops/keys-new.ts");
  const dryRun = options.flag("dryRun");
  const places = placesOf(options);
  const made = await newKey(
    {
      cluster: clusterOf(options),
      bits: numberOf(options, "bits") ?? 4096,
      validFor: milliseconds(options.text("validFor") ?? "10y"),
      commonName: options.text("commonName") ?? "",
      recipients: recipientsOf(options),
      places,
      wrapFor: options.list("wrapFor"),
      dryRun,
    },
    await context(),
  );
  if (dryRun) {
    output.info("would make a sealing key, for which everything is sealed from then on");
    return 0;
  }
  for (const { place, file } of made.backups) output.info(`${made.name}: backed up to ${place}: ${file}`);
  if (made.backups.length === 0) {
    output.warn(`${made.name} has no backup: what is sealed for it is lost with the cluster`);
  }
  output.info(`made ${made.name}`);
  await output.report(made.certificate.keyFingerprint, made);
  return 0;
};

const backup: Action = async ({ args, options }, { output, context }) => {
  const { backUpKeys } = await import("../../ops/keys-backup.ts");
  const dryRun = options.flag("dryRun");
  const done = await backUpKeys(
    {
      cluster: clusterOf(options),
      names: args,
      recipients: recipientsOf(options),
      places: placesOf(options),
      dryRun,
    },
    await context(),
  );
  for (const line of describeBackups(done)) output.info(line);
  if (dryRun) {
    const left = done.filter(({ upToDate }) => upToDate.length === 0);
    for (const { name } of left) output.info(`${name}: would be backed up`);
  }
  await output.report("", done);
  return 0;
};

const restore: Action = async ({ args, options }, { output, context }) => {
  const { restoreKeys } = await import("../../ops/keys-restore.ts");
  const dryRun = options.flag("dryRun");
  const cluster = clusterOf(options);
  const places = placesOf(options);
  const result = await restoreKeys(
    { cluster, paths: args, places, wrapFor: options.list("wrapFor"), dryRun },
    await context(),
  );
  for (const { file, error } of result.refused) {
    output.warn(`${file}: this is no sealing key: ${error.message}`);
  }
  for (const { name, isActive } of result.existing) {
    output.info(`${name}: exists already${isActive ? "" : ", and is not in use: its label is not active"}`);
  }
  for (const { name, file } of result.restored) {
    output.info(`${name}: ${dryRun ? "would be restored" : "restored"} from ${file}`);
  }
  await output.report("", {
    restored: result.restored,
    existing: result.existing,
    refused: result.refused.map(({ file, error }) => ({ file, message: error.message })),
  });
  return 0;
};

const verifyBackup: Action = async ({ args, options }, { output, context }) => {
  const { verifyBackups } = await import("../../ops/keys-verify.ts");
  const result = await verifyBackups(
    {
      paths: args,
      places: placesOf(options),
      sealed: options.list("path"),
      cluster: certificateFlagsOf(options).cluster,
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  await output.report(describeDrill(result), result);
  for (const name of result.noted) output.info(`${name}: the drill is noted at the key`);
  const isGood =
    result.backups.every(({ problems }) => problems.length === 0) &&
    result.closed.length === 0 &&
    result.missing.length === 0;
  return isGood ? 0 : new KsealError("FINDINGS", "").exitCode;
};

const retire: Action = async ({ args, options }, { output, context }) => {
  const { retireKeys } = await import("../../ops/keys-retire.ts");
  const dryRun = options.flag("dryRun");
  const retired = await retireKeys(
    {
      cluster: clusterOf(options),
      names: args,
      paths: options.list("path"),
      label: options.text("label") ?? "retired",
      delete: options.flag("delete"),
      order: orderOf(options),
      dryRun,
    },
    await context(),
  );
  for (const { name, deleted } of retired) {
    output.info(`${name}: ${dryRun ? "would be " : ""}${deleted ? "deleted" : "taken out of use"}`);
  }
  if (!dryRun) await output.report("", retired);
  return 0;
};

const wrap: Action = async ({ args, options }, { output, context }) => {
  const { wrapKeys } = await import("../../ops/keys-wrap.ts");
  const dryRun = options.flag("dryRun");
  const recipients = options.list("wrapFor");
  const done = await wrapKeys(
    { cluster: clusterOf(options), names: args, recipients, dryRun },
    await context(),
  );
  for (const line of describeWrapping(done, { verb: "wrapped", dryRun })) output.info(line);
  await output.report("", done);
  return 0;
};

const unwrap: Action = async ({ args, options }, { output, context }) => {
  const { unwrapKeys } = await import("../../ops/keys-wrap.ts");
  const dryRun = options.flag("dryRun");
  const done = await unwrapKeys({ cluster: clusterOf(options), names: args, dryRun }, await context());
  for (const line of describeWrapping(done, { verb: "unwrapped", dryRun })) output.info(line);
  await output.report("", done);
  return 0;
};

const verbs: ReadonlyMap<string, Action> = new Map([
  ["list", list],
  ["new", make],
  ["backup", backup],
  ["restore", restore],
  ["verify-backup", verifyBackup],
  ["retire", retire],
  ["wrap", wrap],
  ["unwrap", unwrap],
]);

function clusterOf(options: OptionValues): ClusterFlags {
  return certificateFlagsOf(options).cluster ?? { options: {} };
}

function orderOf(options: OptionValues): KeyOrder | undefined {
  const order = options.text("keyOrderPriority");
  return order === "CertNotBefore" || order === "SecretCreationTimestamp" ? order : undefined;
}

function refuseNames(args: readonly string[], verb: string): void {
  if (args.length === 0) return;
  throw new KsealError("USAGE", `keys ${verb} takes no name`, { hint: "kseal help keys" });
}
