import { installInto } from "../../ops/install.ts";
import type { Action } from "../command.ts";

export const action: Action = async ({ args: [folder = ""], options }, { host, output }) => {
  const written = await installInto(
    {
      folder,
      name: options.text("name") === "ksops" ? "ksops" : "kseal",
      withKustomize: options.flag("withKustomize"),
    },
    { host },
  );
  for (const path of written) output.info(`installed ${path}`);
  await output.report("", { installed: written });
  return 0;
};
