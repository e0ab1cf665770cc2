import type { CommandSpec } from "./command.ts";
import { exporting } from "./export-options.ts";
import { decryptionOrder, ignoreMac, inputType, outputType, user } from "./shared-options.ts";

/** Values for programs. */
export const programCommands: readonly CommandSpec[] = [
  {
    name: "exec-env",
    arguments: "<file> <command...>",
    summary: "run a command with the values of a file in its environment",
    options: [
      { flags: "--pristine", summary: "give the command nothing of the present environment" },
      user,
      inputType,
      ignoreMac,
      decryptionOrder,
    ],
    examples: ["kseal exec-env app.env -- ./server --port 8080", "kseal exec-env app.env 'echo $USERNAME'"],
    load: () => import("./commands/exec-env.ts"),
  },
  {
    name: "exec-file",
    arguments: "<file> <command...>",
    summary: "run a command with the decrypted file in place of {}",
    options: [
      { flags: "--no-fifo", summary: "use a file in a private folder instead of a FIFO" },
      { flags: "--filename <name>", summary: "the name of that file" },
      user,
      inputType,
      outputType,
      ignoreMac,
      decryptionOrder,
    ],
    examples: ["kseal exec-file kubeconfig.yaml -- kubectl --kubeconfig {} get pods"],
    load: () => import("./commands/exec-file.ts"),
  },
  {
    name: "export",
    arguments: "<files...>",
    summary: "give the values of files to programs: as files in memory, as variables, as JSON",
    options: exporting,
    examples: [
      "kseal export --out /secrets --mode 0440 secrets/prod/",
      "kseal export --out /secrets --refresh 5m --remove-at-end secrets/prod/",
      'eval "$(kseal export -o shell app.env)"',
      "kseal export -o json --key backup.sops.yaml sealed.yaml > /dev/shm/values.json",
    ],
    load: () => import("./commands/export.ts"),
  },
];
