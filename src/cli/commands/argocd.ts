import { KsealError } from "../../errors.ts";
import { generateManifests, parametersOfApplication } from "../../ops/argocd.ts";
import type { Action } from "../command.ts";

export const action: Action = async ({ args: [verb = "", folder = "."] }, { host, output, context }) => {
  if (verb === "parameters") {
    const parameters = await parametersOfApplication(folder, await context());
    await host.writeStdout(`${JSON.stringify(parameters)}\n`);
    return 0;
  }
  if (verb !== "generate") {
    throw new KsealError("USAGE", `there is no kseal argocd ${verb}`, {
      hint: "kseal argocd generate, or kseal argocd parameters",
    });
  }
  const build = await generateManifests(folder, await context());
  // Lines of the plugins that ran, as they wrote them.
  for (const line of build.kind === "built" ? build.notes : build.lines) host.writeStderr(`${line}\n`);
  if (build.kind === "failed") return build.status;
  await output.content(build.content);
  return 0;
};
