import { KsealError } from "../errors.ts";
import { makeSealingKey } from "../ops/keygen-sealing.ts";
import type { Action } from "./command.ts";
import { numberOf } from "./option-parsing.ts";

export const action: Action = async ({ options }, { host, output, context }) => {
  const excluded = ["postQuantum", "save"].find((name) => options.flag(name));
  if (excluded !== undefined) {
    const flag = excluded === "save" ? "--save" : "--post-quantum";
    throw new KsealError("USAGE", `--sealing and ${flag} exclude each other`);
  }
  const dryRun = options.flag("dryRun");
  // `-` is how a user says that the key may be seen.
  const out = options.text("out") === "-" ? undefined : options.text("out");
  if (options.text("out") === undefined && host.terminal.stdoutIsTerminal && !dryRun) {
    throw new KsealError(
      "OUTPUT_UNWRITABLE",
      "standard output is a terminal, and a private key would be shown",
      {
        hint: "write it to a file: --out FILE, or hand it on: kseal keygen --sealing | kubectl create -f -",
      },
    );
  }
  const { secret, certificate, writtenTo, certificateWrittenTo } = await makeSealingKey(
    {
      bits: numberOf(options, "bits") ?? 4096,
      validFor: milliseconds(options.text("validFor") ?? "10y"),
      commonName: options.text("commonName") ?? "",
      namespace: options.text("namespace") ?? "kube-system",
      name: options.text("name"),
      out,
      certOut: options.text("certOut"),
      dryRun,
    },
    await context(),
  );
  const verb = dryRun ? "would write" : "wrote";
  if (writtenTo === undefined && !dryRun) await output.content(secret);
  if (writtenTo !== undefined) {
    output.info(`${verb} a sealing key to ${writtenTo}; whoever has it opens what is sealed for it`);
  }
  if (certificateWrittenTo !== undefined) output.info(`${verb} its certificate to ${certificateWrittenTo}`);
  if (writtenTo !== undefined && !dryRun) {
    await output.report(certificate.fingerprint, {
      ...certificate,
      file: writtenTo,
      certificateFile: certificateWrittenTo,
    });
  }
  return 0;
};

const hour = 60 * 60 * 1000;
const units: Readonly<Record<string, number>> = { h: hour, d: 24 * hour, y: 365 * 24 * hour };

/** A length of time as `--valid-for` has it. @throws KsealError `USAGE`. */
export function milliseconds(text: string): number {
  const [, count, unit = ""] = /^(\d{1,7})([hdy])$/.exec(text) ?? [];
  const length = units[unit];
  if (count !== undefined && length !== undefined) return Number(count) * length;
  throw new KsealError("USAGE", `${JSON.stringify(text)} is no time for --valid-for`, {
    hint: "write 10y, 365d or 87600h",
  });
}
