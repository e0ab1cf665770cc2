/** Writes `docs/errors.md` from the table in `src/errors.ts`. A test fails when the two differ. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bugExitCode, failureKinds } from "../src/errors.ts";

const rows = failureKinds().map(
  ({ code, exitCode, when, advice }) => `| \`${code}\` | ${exitCode} | ${when} | ${advice} |`,
);

export const errorsDoc = `# Errors

Every failure has a code, which is stable, and leads to an exit status. Where \`sops\` has a status for the same
situation kseal uses it too. With \`-o json\` errors are JSON on standard error:
\`{"error":{"code":...,"message":...,"file":...,"path":...,"line":...,"hint":...}}\`.

| code | exit | when | what to do |
|---|---|---|---|
${rows.join("\n")}
| (none) | ${bugExitCode} | A bug in kseal. | Report it with the lines that are printed; they hold no data. |

\`exec-env\` and \`exec-file\` pass the status of the command through. \`kseal sops\` ends with the status that \`sops\`
has, which for \`NOT_ENCRYPTED\` and for files that do not parse when decrypting is 1, and 51 also for a missing MAC.
`;

if (import.meta.main) writeFileSync(join(import.meta.dirname, "..", "docs", "errors.md"), errorsDoc);
