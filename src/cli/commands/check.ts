import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import type { CheckResult } from "../../ops/check.ts";
import type { OpContext } from "../../ops/context.ts";
import { askStaged } from "../../ops/staged-files.ts";
import { type CheckFormat, targetsOf } from "../check-options.ts";
import { describeCheck } from "../check-report.ts";
import type { Action } from "../command.ts";

export const action: Action = async ({ args, options }, cli) => {
  const { host, context } = cli;
  const clean = options.text("clean");
  if (clean !== undefined) return passOn(clean, host, await context());
  if (options.list("expect").length > 0) return judgeBuilt({ args, options }, cli);
  const targets = targetsOf(options.list("output"), host.env);
  const staged = options.flag("staged");
  const since = options.text("since");
  if (staged && since !== undefined) {
    throw new KsealError("USAGE", "--staged and --since exclude each other");
  }
  // What checks loads while Git is looking.
  const asked = staged ? await askStaged(args, host) : undefined;
  const { check } = await import("../../ops/check.ts");
  const isOfGit = staged || since !== undefined;
  const result = await check(
    {
      paths: args.length === 0 && !isOfGit ? ["."] : args,
      staged,
      asked,
      since,
      withKeys: options.flag("withKeys"),
      baseline: options.text("baseline"),
      writeBaseline: options.flag("writeBaseline"),
    },
    await context(),
  );
  for (const { format, file } of targets) {
    const text = await print(format, result);
    if (file === undefined) await host.writeStdout(text);
    else await writeReport(file, text, host);
  }
  const isClean = result.findings.every(({ severity }) => severity === "note");
  return isClean ? 0 : new KsealError("FINDINGS", "").exitCode;
};

/** `--expect`: the manifests that a build printed, and not what it was made of. */
const judgeBuilt: Action = async ({ args, options }, { host, context }) => {
  const [format = "text", ...more] = options.list("output");
  const alone =
    ["staged", "withKeys", "writeBaseline"].every((flag) => !options.flag(flag)) &&
    ["since", "baseline"].every((name) => options.text(name) === undefined);
  if (!alone || more.length > 0 || !["text", "json"].includes(format)) {
    throw new KsealError(
      "USAGE",
      "--expect judges what a build printed, and goes with -o text or json only",
      {
        hint: "kustomize build overlays/prod | kseal check --expect 'secrets>=3' -",
      },
    );
  }
  const { checkBuilt, readExpectation } = await import("../../ops/check-built.ts");
  const expectations = options.list("expect").map(readExpectation);
  const result = await checkBuilt({ paths: args.length === 0 ? ["-"] : args, expectations }, await context());
  const { objects, problems } = result;
  const lines =
    problems.length > 0 ? problems : [`${objects} ${objects === 1 ? "object" : "objects"}: as expected`];
  await host.writeStdout(`${format === "json" ? JSON.stringify(result, null, 2) : lines.join("\n")}\n`);
  return problems.length === 0 ? 0 : new KsealError("FINDINGS", "").exitCode;
};

async function passOn(name: string, host: Host, context: OpContext): Promise<number> {
  const { refusePlain } = await import("../../ops/check-clean.ts");
  const bytes = await host.readStdin();
  await refusePlain(name, bytes, context);
  await host.writeStdout(bytes);
  return 0;
}

async function print(format: CheckFormat, result: CheckResult): Promise<string> {
  switch (format) {
    case "text":
      return `${describeCheck(result)}\n`;
    case "json":
      return `${JSON.stringify({ ...result, findings: result.findings.map(({ key: _, ...one }) => one) }, null, 2)}\n`;
    case "sarif":
      return (await import("../check-sarif.ts")).sarifOf(result);
    case "github":
      return (await import("../check-annotations.ts")).githubOf(result);
    case "gitlab":
      return (await import("../check-annotations.ts")).gitlabOf(result);
    case "junit":
      return (await import("../check-annotations.ts")).junitOf(result);
  }
}

async function writeReport(file: string, text: string, host: Host): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  await host.createFile(host.resolve(file), bytes, { mode: 0o644, overwrite: true });
}
