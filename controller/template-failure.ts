import type { SealedSecret } from "../src/sealed/sealed-secret.ts";
import type { UnsealOptions } from "../src/sealed/unseal-secret.ts";

const leftOut = "(left out, as it may hold a value)";
const ownLimits =
  /^(the templates take more than \d+ (steps|seconds)|the text is longer than \d+ characters|text of more than \d+ characters)$/;

/**
 * Renders as before, with failures that hold no value: they stand in the status and in events, which many may read who
 * may not read Secrets. Upstream quotes values there; no decision on compatibility asks for that.
 *
 * What a function says about what it was given is left out, unless it stands in the template itself, which is public: of
 * `fail "no"` it is kept, of `fail .password` not. So is the value over which `range` cannot go.
 */
export function withoutValues(
  render: UnsealOptions["render"],
  { template }: Pick<SealedSecret, "template">,
): UnsealOptions["render"] {
  const texts = [...template.data.values()];
  return (item, text, data) => {
    try {
      return render(item, text, data);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(publicMessage(message, texts));
    }
  };
}

function publicMessage(message: string, templates: readonly string[]): string {
  const [, before, words] = /^([\s\S]*?(?:error calling [^\s:]+: ))([\s\S]*)$/.exec(message) ?? [];
  if (before !== undefined && words !== undefined) {
    const isPublic = ownLimits.test(words) || templates.some((text) => text.includes(words));
    return isPublic ? message : before + leftOut;
  }
  return message.replace(/(range can't iterate over |>: can't use )[\s\S]*$/, `$1${leftOut}`);
}
