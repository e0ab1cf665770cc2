import { formatVersion } from "../../core/metadata.ts";
import { version } from "../../version.ts";
import type { Action } from "../command.ts";

export const action: Action = async (_, { output }) => {
  await output.report(`kseal ${version}\nwrites files in the format of sops ${formatVersion}`, {
    version,
    format: formatVersion,
  });
  return 0;
};
