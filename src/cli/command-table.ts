import { applyCommand } from "./apply-options.ts";
import { certificateCommand } from "./certificate-command.ts";
import { certificate } from "./certificate-options.ts";
import { checking } from "./check-options.ts";
import type { CommandSpec, OptionSpec } from "./command.ts";
import { conversion } from "./convert-options.ts";
import { exporting } from "./export-options.ts";
import { changedKeys, groupKeys, keys } from "./key-options.ts";
import { sealingKeygen } from "./keygen-sealing-options.ts";
import { keysCommand } from "./keys-options.ts";
import { manifestInput, manifestTypes, scope } from "./manifest-options.ts";
import { readFlags } from "./option-flags.ts";
import { intoSealed, sealing } from "./seal-options.ts";
import {
  decryptionOrder,
  dryRun,
  editing,
  ignoreMac,
  indent,
  inPlace,
  inputType,
  nameOverride,
  out,
  outputType,
  selection,
  since,
  threshold,
  user,
  yes,
} from "./shared-options.ts";
import { forSealed, oneObject, sealedKeys, sealedObject, sealingKeys } from "./unseal-options.ts";

/** Options that every command has. */
const globalOptions: readonly OptionSpec[] = [
  { flags: "--config <file>", summary: "use this .sops.yaml instead of searching for one" },
  {
    flags: "-o, --output <format>",
    summary: "how a report or an error is printed",
    choices: ["text", "json"],
  },
];

/** All options of a command: its own, and the global ones that it does not have in a form of its own. */
export function optionsOf({ options }: CommandSpec): readonly OptionSpec[] {
  const taken = new Set(options.map(({ flags }) => readFlags(flags).long));
  return [...options, ...globalOptions.filter(({ flags }) => !taken.has(readFlags(flags).long))];
}

/** Every command of kseal: what `--help` says, and where the command lives. Nothing is loaded before it is called. */
export const commandTable: readonly CommandSpec[] = [
  {
    name: "init",
    arguments: "",
    summary: "set up this folder: an age identity, .sops.yaml, a first rule for Secrets, and Git",
    options: [
      {
        flags: "--age <recipient>",
        summary: "use this recipient instead of making an identity",
        repeatable: true,
      },
      { flags: "--post-quantum", summary: "make a post-quantum identity" },
      { flags: "--path-regex <pattern>", summary: "the files that the first rule is for" },
      {
        flags: "--filter",
        summary: "also a filter with which git add refuses files in clear that a rule is for",
      },
      {
        flags: "--skip-git",
        summary: "leave .gitattributes, the settings and the hooks of this clone as they are",
      },
      yes,
      dryRun,
    ],
    examples: ["kseal init"],
    load: () => import("./commands/init.ts"),
  },
  {
    name: "keygen",
    arguments: "",
    summary: "make an age identity, or a sealing key for a cluster",
    options: [
      { flags: "--post-quantum", summary: "an identity that resists quantum computers (sops 3.12 or later)" },
      { flags: "--out <file>", summary: "write it to a new file, with mode 0600" },
      { flags: "--save", summary: "add it to the file where kseal and sops look for identities" },
      dryRun,
      ...sealingKeygen,
    ],
    examples: [
      "kseal keygen --save",
      "kseal keygen --out recovery-key.txt",
      "kseal keygen --sealing --out sealing-key.yaml --cert-out prod.pem",
    ],
    load: () => import("./commands/keygen.ts"),
  },
  {
    name: "encrypt",
    arguments: "[files...]",
    summary: "encrypt the values of files by the rules of .sops.yaml",
    options: [
      inPlace,
      out,
      ...keys,
      ...selection,
      { flags: "--mac-only-encrypted", summary: "let the MAC cover encrypted values only" },
      threshold,
      inputType,
      outputType,
      indent,
      nameOverride,
      { flags: "--strip", summary: "remove last-applied-configuration and server-side fields from Secrets" },
      { flags: "--allow-nothing", summary: "allow a result in which no value is encrypted" },
      since,
      dryRun,
    ],
    examples: ["kseal encrypt -i secrets/prod/db.yaml", "kseal encrypt -i secrets/"],
    load: () => import("./commands/encrypt.ts"),
  },
  {
    name: "decrypt",
    arguments: "[files...]",
    summary: "decrypt files, to standard output unless told otherwise",
    options: [
      inPlace,
      out,
      { flags: "--extract <path>", summary: 'only what stands at a path such as \'["data"]["password"]\'' },
      inputType,
      outputType,
      indent,
      ignoreMac,
      nameOverride,
      decryptionOrder,
      dryRun,
    ],
    examples: ["kseal decrypt secrets/prod/db.yaml", "kseal decrypt --out /dev/shm/plain secrets/"],
    load: () => import("./commands/decrypt.ts"),
  },
  {
    name: "edit",
    arguments: "<file>",
    summary: "open a file decrypted in your editor, and encrypt what you save",
    options: [
      ...keys,
      ...selection,
      inputType,
      ignoreMac,
      decryptionOrder,
      {
        flags: "-s, --show-master-keys",
        summary: "show the recipients in the editor; edits to them are applied",
      },
      ...forSealed,
    ],
    examples: [
      "kseal edit secrets/prod/db.yaml",
      'EDITOR="code --wait" kseal edit secrets/prod/db.yaml',
      "kseal edit --key backup.sops.yaml sealed.yaml",
    ],
    load: () => import("./commands/edit.ts"),
  },
  {
    name: "get",
    arguments: "<file> <path>",
    summary: "print one value",
    options: [inputType, outputType, ignoreMac, decryptionOrder, sealedKeys, sealedObject],
    examples: [
      `kseal get db.yaml '["stringData"]["password"]'`,
      "kseal get --key backup.sops.yaml sealed.yaml password",
    ],
    load: () => import("./commands/get.ts"),
  },
  {
    name: "set",
    arguments: "<file> <path>",
    summary: "change or add one value; it is asked for, and never stands on the command line",
    options: [
      { flags: "--value-stdin", summary: "read the value from standard input, as JSON" },
      { flags: "--value-file <file>", summary: "read the value from a file, as JSON" },
      {
        flags: "--string",
        summary: "take what was read as text, not as JSON; one final line break is dropped",
      },
      { flags: "--json", summary: "take what is typed at the prompt as JSON, not as text" },
      { flags: "--generate <kind>", summary: "make up a value", choices: ["password", "uuid", "ssh-key"] },
      { flags: "--length <characters>", summary: "the length of a generated password" },
      { flags: "--idempotent", summary: "leave the file alone when it holds the value already" },
      ...editing,
      ...forSealed,
      sealedObject,
    ],
    examples: [
      `kseal set db.yaml '["stringData"]["password"]'`,
      `kseal set db.yaml '["stringData"]["token"]' --generate password`,
      "kseal set sealed.yaml password --cert prod.pem",
    ],
    load: () => import("./commands/set.ts"),
  },
  {
    name: "unset",
    arguments: "<file> <path>",
    summary: "remove one value",
    options: [
      { flags: "--idempotent", summary: "succeed when there is nothing to remove" },
      ...editing,
      sealedObject,
    ],
    examples: [`kseal unset db.yaml '["stringData"]["old"]'`, "kseal unset sealed.yaml old"],
    load: () => import("./commands/unset.ts"),
  },
  {
    name: "rename",
    arguments: "<file> <path> <key>",
    summary: "rename a key; its value stays",
    options: editing,
    examples: [`kseal rename db.yaml '["stringData"]["pass"]' password`],
    load: () => import("./commands/rename.ts"),
  },
  {
    name: "rotate",
    arguments: "[files...]",
    summary: "encrypt every value anew, under a new data key",
    options: [
      inPlace,
      out,
      ...changedKeys,
      { flags: "--allow-unlisted", summary: "keep recipients that the matching rule does not list" },
      inputType,
      ignoreMac,
      decryptionOrder,
      since,
      dryRun,
    ],
    examples: ["kseal rotate -i secrets/prod/db.yaml", "kseal rotate -i --since origin/main"],
    load: () => import("./commands/rotate.ts"),
  },
  {
    name: "updatekeys",
    arguments: "[files...]",
    summary: "make the recipients of files those of the rules of .sops.yaml",
    options: [
      yes,
      { flags: "--keep-data-key", summary: "do not re-encrypt although a recipient is removed" },
      threshold,
      inputType,
      decryptionOrder,
      since,
      dryRun,
    ],
    examples: [
      "kseal updatekeys secrets/",
      "kseal updatekeys --yes secrets/prod/db.yaml",
      "kseal updatekeys --yes --since origin/main",
    ],
    load: () => import("./commands/updatekeys.ts"),
  },
  {
    name: "groups",
    arguments: "<add|delete> <file> [index]",
    summary: "add a key group to a file, or delete the one with this number, counted from 0",
    options: [inPlace, out, ...groupKeys, threshold, inputType, decryptionOrder, dryRun],
    examples: ["kseal groups add -i db.yaml -a age1...", "kseal groups delete -i db.yaml 1"],
    load: () => import("./commands/groups.ts"),
  },
  {
    name: "diff",
    arguments: "[revisions-or-files...]",
    summary: "what changed in encrypted files: two files, or what git diff compares",
    options: [
      { flags: "--staged", summary: "the last commit, or the revision, with what is staged" },
      { flags: "--reveal", summary: "show the values themselves; without it, only which of them changed" },
      { flags: "--keyless", summary: "compare as somebody without a key does" },
      { flags: "--textconv", summary: "print one file as git diff shall show it, and never fail" },
      {
        flags: "-o, --output <format>",
        summary: "how the report is printed",
        choices: ["text", "json", "markdown"],
      },
      inputType,
      decryptionOrder,
    ],
    examples: ["kseal diff main...topic", "kseal diff old.yaml new.yaml", "kseal diff --staged -o markdown"],
    load: () => import("./commands/diff.ts"),
  },
  {
    name: "check",
    arguments: "[files...]",
    summary:
      "find what should not be in a repository: damaged and stale encrypted files, secrets in clear; needs no key",
    options: checking,
    examples: [
      "kseal check",
      "kseal check --staged",
      "kseal check --since origin/main -o text -o sarif=kseal.sarif",
      "kseal check --baseline .kseal-baseline.json --write-baseline",
      "kustomize build overlays/prod | kseal check --expect 'secrets>=3' -",
    ],
    load: () => import("./commands/check.ts"),
  },
  {
    name: "who",
    arguments: "[files...]",
    summary: "who can read which encrypted files since when, and who could and still knows what was there",
    options: [
      {
        flags: "--recipient <name>",
        summary: "only what this key can or could read: its name in .sops.yaml, or the key itself",
      },
      {
        flags: "-o, --output <format>",
        summary: "how the report is printed; html is one page for auditors",
        choices: ["text", "json", "html"],
      },
    ],
    examples: [
      "kseal who",
      "kseal who secrets/prod/",
      "kseal who --recipient Bob",
      "kseal who -o html > access.html",
    ],
    load: () => import("./commands/who.ts"),
  },
  {
    name: "explain",
    arguments: "<file> [path]",
    summary:
      "which rule is for a file and why, what is encrypted and why, which keys open it, and what to type next",
    options: [
      { flags: "--online", summary: "also try the keys of key services, which takes the network" },
      decryptionOrder,
    ],
    examples: [
      "kseal explain secrets/prod/db.yaml",
      `kseal explain db.yaml '["stringData"]["password"]'`,
      "kseal explain db.yaml stringData.password -o json",
    ],
    load: () => import("./commands/explain.ts"),
  },
  {
    name: "merge",
    arguments: "<base> <ours> <theirs>",
    summary: "merge two versions of a file by structure, into ours; Git's merge driver",
    options: [
      { flags: "--path <name>", summary: "the file's name in the repository: it decides format and rule" },
      { flags: "--marker-size <number>", summary: "the length of conflict markers in files merged as text" },
      { flags: "-p, --stdout", summary: "print the result instead of writing it into ours" },
      decryptionOrder,
    ],
    examples: ["git config merge.kseal.driver 'kseal merge --path %P --marker-size %L %O %A %B'"],
    load: () => import("./commands/merge.ts"),
  },
  {
    name: "resolve",
    arguments: "<file>",
    summary: "finish a merge that needed a key or a decision",
    options: [
      {
        flags: "--ours <path>",
        summary: "take our version at a tree path; '*' for every place that is left",
        repeatable: true,
      },
      { flags: "--theirs <path>", summary: "take their version at a tree path", repeatable: true },
      decryptionOrder,
      dryRun,
    ],
    examples: [`kseal resolve db.yaml --theirs '["stringData"]["password"]'`],
    load: () => import("./commands/resolve.ts"),
  },
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
  {
    name: "seal",
    arguments: "[files...]",
    summary: "seal Secrets for a cluster: SealedSecrets, which only its controller opens",
    options: [
      inPlace,
      out,
      ...sealing,
      ...intoSealed,
      ...manifestTypes,
      nameOverride,
      dryRun,
      ...certificate,
    ],
    examples: [
      "kseal seal --cert prod.pem secret.yaml --out sealed.yaml",
      "kseal seal -i secrets/",
      "kseal seal --into sealed.yaml --item password --cert prod.pem",
    ],
    load: () => import("./commands/seal.ts"),
  },
  {
    name: "unseal",
    arguments: "[files...]",
    summary: "open SealedSecrets with backed-up sealing keys, without a cluster",
    options: [
      sealingKeys,
      out,
      { flags: "--item <name>", summary: "only this value, as it is" },
      oneObject,
      ...manifestTypes,
      { flags: "-v, --verbose", summary: "say which key opened what" },
      dryRun,
    ],
    examples: [
      "kseal unseal --key backup.sops.yaml sealed.yaml",
      "kseal unseal --key keys/ --item password sealed.yaml",
    ],
    load: () => import("./commands/unseal.ts"),
  },
  {
    name: "reseal",
    arguments: "[files...]",
    summary: "seal the values of SealedSecrets for the cluster's newest key; nothing else changes",
    options: [
      sealingKeys,
      { flags: "--check", summary: "change nothing; exit 1 when something is on an old key" },
      { flags: "--force", summary: "also values that are sealed for this certificate already" },
      scope,
      manifestInput,
      since,
      dryRun,
      ...certificate,
    ],
    examples: [
      "kseal reseal --key backup.sops.yaml clusters/prod/",
      "kseal reseal --context prod-admin sealed.yaml",
      "kseal reseal --check --key backup.sops.yaml .",
    ],
    load: () => import("./commands/reseal.ts"),
  },
  {
    name: "verify",
    arguments: "[files...]",
    summary:
      "judge SealedSecrets without a key: shape, base64, scope, clear text; with one whether they open",
    options: [
      sealingKeys,
      { flags: "--online", summary: "ask the cluster whether it can open them" },
      nameOverride,
      ...certificate.filter(({ flags }) => flags !== "--fetch"),
    ],
    examples: [
      "kseal verify clusters/",
      "kseal verify --key backup.sops.yaml sealed.yaml",
      "kseal verify --context prod-admin sealed.yaml",
    ],
    load: () => import("./commands/verify.ts"),
  },
  {
    name: "cert",
    arguments: "<show|check|fetch|pin> [place]",
    summary:
      "the certificates that clusters are sealed for: show or check them, fetch one, pin one in .sops.yaml",
    options: certificateCommand,
    examples: [
      "kseal cert show certs/prod.pem",
      "kseal cert check --fetch",
      "kseal cert fetch --context prod-admin --out prod.pem",
      "kseal cert pin --name prod --context prod-admin --path-regex ^clusters/prod/",
    ],
    load: () => import("./commands/cert.ts"),
  },
  {
    name: "keys",
    arguments: "<action> [names...]",
    words: ["list", "new", "backup", "restore", "verify-backup", "retire", "wrap", "unwrap"],
    summary:
      "the sealing keys of a cluster: list, new, backup, restore, verify-backup (a recovery drill), retire, wrap, unwrap",
    options: keysCommand,
    examples: [
      "kseal keys list --context prod --path clusters/prod/",
      "kseal keys backup --context prod --out backups/",
      "kseal keys verify-backup backups/ --path clusters/prod/",
      "kseal keys restore --context prod backups/",
      "kseal keys retire --context prod sealed-secrets-keyx7k2p --path clusters/prod/",
      "kseal keys wrap --context prod --wrap-for age1...",
    ],
    load: () => import("./commands/keys.ts"),
  },
  {
    name: "argocd",
    arguments: "<generate|parameters> [folder]",
    summary: "be the plugin of Argo CD: print the manifests of an application, or the parameters it can have",
    options: [decryptionOrder],
    examples: ["kseal argocd generate apps/shop", "kseal argocd parameters"],
    load: () => import("./commands/argocd.ts"),
  },
  {
    name: "install",
    arguments: "<folder>",
    summary: "copy the executable into a folder, for init containers",
    options: [
      { flags: "--with-kustomize", summary: "also the kustomize that PATH leads to" },
      {
        flags: "--name <name>",
        summary: "what it is called there: as ksops it takes the place of KSOPS",
        choices: ["kseal", "ksops"],
      },
    ],
    examples: ["kseal install --with-kustomize /custom-tools"],
    load: () => import("./commands/install.ts"),
  },
  {
    name: "apply",
    arguments: "[files...]",
    summary: "decrypt files and apply them to a cluster: a masked diff first, all or nothing opens",
    options: applyCommand,
    examples: [
      "kseal apply secrets/prod/",
      "kseal apply --yes --prune --applyset shop --wait --restart clusters/prod/",
      "kseal apply --check -k overlays/prod",
      "kustomize build overlays/prod | kseal apply --yes -",
    ],
    load: () => import("./commands/apply.ts"),
  },
  {
    name: "convert",
    arguments: "<files...>",
    summary: "convert between SOPS files, SealedSecrets and plain Secrets: files, or a whole repository",
    options: conversion,
    examples: [
      "kseal convert --to sealed -i clusters/prod/",
      "kseal convert --to sops --key backup.sops.yaml -i clusters/prod/",
      "kseal convert --to secret --key backup.sops.yaml --out /dev/shm/plain clusters/prod/",
    ],
    load: () => import("./commands/convert.ts"),
  },
  {
    name: "doctor",
    arguments: "[files...]",
    summary: "try every key that files need: is it there, does it answer, may you use it",
    options: [inputType, decryptionOrder],
    examples: ["kseal doctor secrets/prod/db.yaml", "kseal doctor"],
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "filestatus",
    arguments: "<files...>",
    summary: "say which files are encrypted",
    options: [inputType],
    examples: ["kseal filestatus secrets/", "kseal filestatus -o json db.yaml"],
    load: () => import("./commands/filestatus.ts"),
  },
  {
    name: "render",
    arguments: "[file]",
    summary:
      "make Secrets of encrypted files for Kustomize and Helm: a generator's document or a ResourceList",
    options: [
      { flags: "--placeholder", summary: "put placeholders in place of values: no key is needed" },
      { flags: "--strict", summary: "take unknown fields of KSOPS documents for errors" },
      { flags: "--allow-outside-root", summary: "read files outside of the kustomization too" },
      {
        flags: "--post-renderer",
        summary: "open what is encrypted in manifests on standard input, for Helm",
      },
      sealedKeys,
    ],
    examples: [
      "kseal render generator.yaml",
      "kustomize build --enable-alpha-plugins --enable-exec .",
      "KSEAL_PLACEHOLDER=1 kustomize build --enable-alpha-plugins --enable-exec .",
      "helm template shop ./chart | kseal render --post-renderer",
    ],
    load: () => import("./commands/render.ts"),
  },
  {
    name: "completion",
    arguments: "<shell>",
    words: ["bash", "zsh", "fish", "powershell", "kubectl"],
    summary: "print the script with which a shell completes kseal: bash, zsh, fish, powershell, kubectl",
    options: [],
    examples: [
      "source <(kseal completion bash)",
      "kseal completion fish > ~/.config/fish/completions/kseal.fish",
      "kseal completion kubectl > ~/bin/kubectl_complete-kseal && chmod +x ~/bin/kubectl_complete-kseal",
    ],
    load: () => import("./commands/completion.ts"),
  },
  {
    name: "version",
    arguments: "",
    summary: "print the version, and the version of the SOPS format that is written",
    options: [],
    examples: ["kseal version -o json"],
    load: () => import("./commands/version.ts"),
  },
];
