import { applyCommand } from "./apply-options.ts";
import type { CommandSpec } from "./command.ts";
import { conversion } from "./convert-options.ts";
import { decryptionOrder, inputType } from "./shared-options.ts";
import { sealedKeys } from "./unseal-options.ts";

/** The way into clusters, and what helps on it. */
export const deliveryCommands: readonly CommandSpec[] = [
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
