import { KsealError } from "../../errors.ts";
import type { Action } from "../command.ts";
import { runRender } from "../render-run.ts";

export const action: Action = async ({ args, options }, { host }) => {
  const [file, ...more] = args;
  const isPostRenderer = options.flag("postRenderer");
  if (more.length > 0 || (isPostRenderer && file !== undefined)) {
    throw new KsealError("USAGE", "render takes one generator's document, and nothing with --post-renderer");
  }
  if (file === undefined && host.terminal.stdinIsTerminal) {
    throw new KsealError(
      "USAGE",
      "render needs a generator's document, or a ResourceList on standard input",
      {
        hint: "kseal render generator.yaml; or let Kustomize call it: docs/kustomize.md",
      },
    );
  }
  return await runRender(
    {
      as: "kseal",
      file: file === "-" ? undefined : file,
      isPostRenderer,
      strict: options.flag("strict"),
      placeholder: options.flag("placeholder"),
      allowOutsideRoot: options.flag("allowOutsideRoot"),
      keys: options.list("key"),
      config: options.text("config"),
    },
    host,
  );
};
