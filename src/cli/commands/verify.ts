import { KsealError } from "../../errors.ts";
import { verifyFiles } from "../../ops/verify.ts";
import { certificateFlagsOf } from "../certificate-options.ts";
import type { Action } from "../command.ts";
import { describeFindings } from "../findings.ts";
import { pathsOrStdin } from "../paths.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const { cert, certFingerprint, cluster } = certificateFlagsOf(options);
  const nameOverride = options.text("filename");
  const result = await verifyFiles(
    {
      paths: pathsOrStdin(args, host, nameOverride),
      keys: options.list("key"),
      online: options.flag("online"),
      cert,
      certFingerprint,
      cluster,
      nameOverride,
    },
    await context(),
  );
  await output.report(describeFindings(result), result);
  return result.findings.length === 0 ? 0 : new KsealError("FINDINGS", "").exitCode;
};
