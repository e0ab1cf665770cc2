import type { OpContext } from "./context.ts";
import { missingGitSetup } from "./git-setup.ts";

/**
 * What keeps Git from doing in this clone what its `.gitattributes` say about kseal. Nothing is said about a repository
 * that does not name kseal there.
 */
export async function gitWarnings({ host }: Pick<OpContext, "host">): Promise<readonly string[]> {
  const setup = await missingGitSetup(host, host.cwd, { filter: false });
  if (setup === undefined || !setup.isAdopted) return [];
  const { missingSettings, isSetUp, hook } = setup;
  const lacks = (section: string): boolean => missingSettings.some(([name]) => name.startsWith(section));
  const warnings: string[] = [];
  if (lacks("merge.") || lacks("diff.")) {
    warnings.push(
      "this clone merges encrypted files as text, although .gitattributes names kseal for it: kseal init",
    );
  }
  if (lacks("filter.")) {
    warnings.push(
      "nothing refuses files in clear in this clone, although .gitattributes names kseal for it: kseal init",
    );
  }
  if (hook.state === "free") {
    warnings.push("nothing looks for secrets in clear before a commit of this clone: kseal init");
  } else if (hook.advice !== "") {
    warnings.push(hook.advice);
  }
  if (isSetUp && (await host.which("kseal")) === undefined) {
    warnings.push("Git starts kseal by its name here, and it is not on PATH");
  }
  return warnings;
}
