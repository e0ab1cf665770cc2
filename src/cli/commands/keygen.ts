import { KsealError } from "../../errors.ts";
import { makeIdentity } from "../../ops/keygen.ts";
import type { Action } from "../command.ts";

export const action: Action = async (input, cli) => {
  const { options } = input;
  if (options.flag("sealing")) return (await import("../keygen-sealing.ts")).action(input, cli);
  refuseSealingFlags(options);
  const { output, context } = cli;
  const result = await makeIdentity(
    {
      postQuantum: options.flag("postQuantum"),
      out: options.text("out"),
      save: options.flag("save"),
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  if (result.writtenTo === undefined) {
    await output.content(new TextEncoder().encode(result.text));
  } else {
    if (options.flag("dryRun")) {
      output.info(`would write an identity to ${result.writtenTo}`);
      return 0;
    }
    output.info(`wrote an identity to ${result.writtenTo}; make a copy that survives this machine`);
    await output.report(result.recipient, { recipient: result.recipient, file: result.writtenTo });
  }
  return 0;
};

function refuseSealingFlags(options: { text(name: string): string | undefined }): void {
  const given = ["bits", "validFor", "commonName", "namespace", "name", "certOut"].find(
    (name) => options.text(name) !== undefined,
  );
  if (given === undefined) return;
  const flag = given.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new KsealError("USAGE", `--${flag} is for sealing keys`, { hint: "kseal keygen --sealing" });
}
