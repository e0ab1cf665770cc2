import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import { type CheckResult, check } from "../../ops/check.ts";
import { type CheckFormat, targetsOf } from "../check-options.ts";
import { describeCheck } from "../check-report.ts";
import type { Action } from "../command.ts";

export const action: Action = async ({ args, options }, { host, context }) => {
  const targets = targetsOf(options.list("output"), host.env);
  const staged = options.flag("staged");
  const since = options.text("since");
  if (staged && since !== undefined) {
    throw new KsealError("USAGE", "--staged and --since exclude each other");
  }
  const isOfGit = staged || since !== undefined;
  const result = await check(
    {
      paths: args.length === 0 && !isOfGit ? ["."] : args,
      staged,
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
