import { KsealError } from "../../errors.ts";
import { checkCertificates, fetchCertificate, showCertificates } from "../../ops/certificate-check.ts";
import { factsOf } from "../../ops/certificate-facts.ts";
import { pinCertificate } from "../../ops/certificate-pin.ts";
import type { SubjectOptions } from "../../ops/certificate-subjects.ts";
import { certificateFlagsOf } from "../certificate-options.ts";
import { describeCertificates, describeChecks } from "../certificate-report.ts";
import type { Action, OptionValues } from "../command.ts";
import { scopeOf } from "../manifest-options.ts";

export const action: Action = ({ args: [verb = "", place], options }, cli) => {
  const found = verbs.get(verb);
  if (found === undefined) {
    throw new KsealError("USAGE", `cert knows fetch, show, check and pin, not ${JSON.stringify(verb)}`, {
      hint: "kseal cert show FILE, or kseal help cert",
    });
  }
  return found({ args: place === undefined ? [] : [place], options }, cli);
};

const show: Action = async (input, { output, context }) => {
  const shown = await showCertificates(subjectOf(input), await context());
  await output.report(describeCertificates(shown), shown);
  return 0;
};

const check: Action = async (input, { output, context }) => {
  const checked = await checkCertificates(subjectOf(input), await context());
  await output.report(describeChecks(checked), checked);
  const isSound = checked.every(({ problems }) => problems.length === 0);
  return isSound ? 0 : new KsealError("FINDINGS", "").exitCode;
};

const fetch: Action = async (input, { host, output, context }) => {
  const { certificate, origin } = await fetchCertificate(subjectOf(input), await context());
  const out = input.options.text("out");
  if (out === undefined) {
    await output.content(new TextEncoder().encode(certificate.pem));
    return 0;
  }
  const facts = factsOf(certificate, host.now());
  const dryRun = input.options.flag("dryRun");
  if (!dryRun) {
    const pem = new TextEncoder().encode(certificate.pem);
    await host.createFile(out, pem, { mode: 0o644, overwrite: true });
  }
  output.info(`${dryRun ? "would write" : "wrote"} the certificate of ${origin} to ${out}`);
  if (!dryRun) await output.report(facts.fingerprint, { ...facts, origin, file: out });
  return 0;
};

const pin: Action = async (input, { output, context }) => {
  const { options } = input;
  const name = options.text("name");
  if (name === undefined || options.text("for") !== undefined) {
    throw new KsealError("USAGE", "cert pin needs the name that the cluster gets in .sops.yaml", {
      hint: "kseal cert pin --name prod --context CONTEXT, or kseal cert pin --name prod FILE",
    });
  }
  const dryRun = options.flag("dryRun");
  const subject = subjectOf(input);
  const result = await pinCertificate(
    {
      ...subject,
      name,
      out: options.text("out"),
      pathRegex: options.text("pathRegex"),
      scope: scopeOf(options),
      dryRun,
    },
    await context(),
  );
  const verb = dryRun ? "would write" : "wrote";
  if (result.writtenTo !== undefined) {
    output.info(`${verb} the certificate of ${result.origin} to ${result.writtenTo}`);
  }
  if (result.isWritten) output.info(`${verb} its fingerprint to ${result.config}`);
  else
    output.info(`add to ${result.config}, which kseal cannot change without changing more:\n${result.lines}`);
  if (!result.hasRule) {
    output.info(`no rule leads to ${name} yet; add one with --path-regex PATTERN`);
  }
  if (!dryRun) await output.report(result.certificate.fingerprint, result);
  return 0;
};

const verbs: ReadonlyMap<string, Action> = new Map([
  ["show", show],
  ["check", check],
  ["fetch", fetch],
  ["pin", pin],
]);

function subjectOf({
  args: [place],
  options,
}: {
  readonly args: readonly string[];
  readonly options: OptionValues;
}): SubjectOptions {
  const { certFingerprint, fetch: asks, cluster } = certificateFlagsOf(options);
  return {
    place,
    name: options.text("name"),
    forFile: options.text("for"),
    certFingerprint,
    fetch: asks,
    cluster,
  };
}
