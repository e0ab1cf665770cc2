/** Writes `docs/check.md` from the rules in `src/ops/check-rules.ts`. A test fails when the two differ. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkRules } from "../src/ops/check-rules.ts";

const rows = Object.entries(checkRules).map(
  ([name, { severity, summary }]) => `| [\`${name}\`](check/${name}.md) | ${severity} | ${summary} |`,
);

export const checkDoc = `# What \`kseal check\` finds

\`kseal check\` looks at every file of a repository that Git does not ignore, without a key and without a network. It ends
with 1 when it finds an error or a warning. How it runs in CI and as a hook is in [review](review.md).

| rule | severity | what is found |
|---|---|---|
${rows.join("\n")}
| [\`sealed-*\`](check/sealed-secret.md) | error, warning | what \`kseal verify\` finds in a SealedSecret |

What is meant is said in a comment, on the line of the finding or the one above it, with a reason:

\`\`\`
# kseal:ignore known-token -- the one of AWS' documentation
\`\`\`

For what was there before, and for files that have no comments, there is a baseline: \`kseal check --baseline
.kseal-baseline.json --write-baseline\` writes it, and \`kseal check --baseline .kseal-baseline.json\` reports what is not in
it. It holds rules, files and keys, and never a value.

Not looked for: values of environment variables in Kubernetes workloads, secrets in ConfigMaps that have no known form,
the history of the repository, and line breaks that SOPS makes of \`\\n\` in dotenv files.
`;

if (import.meta.main) writeFileSync(join(import.meta.dirname, "..", "docs", "check.md"), checkDoc);
