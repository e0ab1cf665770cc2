import { type KeyNames, noNames } from "../core/key-names.ts";
import { type CreationRule, creationRule } from "./creation-rules.ts";
import { destinationRule } from "./destination-rules.ts";
import { type Mapping, mapping } from "./mapping.ts";
import { namedKeys } from "./named-keys.ts";
import {
  bindSealing,
  clusters,
  noSealing,
  type Sealing,
  type SealingCluster,
  sealingRules,
  type UnboundRule,
} from "./sealing.ts";
import { list, type Shape } from "./shapes.ts";
import { type StoreLayout, stores } from "./stores.ts";
import { readYaml } from "./yaml-text.ts";

export type { CreationRule } from "./creation-rules.ts";

/** What a `.sops.yaml` says. */
export interface Config {
  readonly path: string;
  /** In the order of the file: the first that matches decides. `undefined` when the file has no such section. */
  readonly rules: readonly CreationRule[] | undefined;
  readonly stores: StoreLayout;
  /** What people call their keys: `kseal: keys:`. */
  readonly names: KeyNames;
  /** For which clusters SealedSecrets are made: `kseal: clusters:` and `kseal: sealing:`. */
  readonly sealing: Sealing;
}

interface OwnFields {
  readonly keys: KeyNames;
  readonly clusters: readonly SealingCluster[];
  readonly sealing: readonly UnboundRule[];
}

interface OwnSection {
  readonly names: KeyNames;
  readonly sealing: Sealing;
}

interface TopFields {
  readonly creation_rules: readonly CreationRule[];
  readonly destination_rules: readonly true[];
  readonly stores: StoreLayout;
  readonly kseal: OwnSection;
}

const ownFields: Shape<Mapping<OwnFields>> = mapping<OwnFields>(
  { keys: namedKeys, clusters, sealing: sealingRules },
  { name: "kseal", isOwn: true },
);

/** The section that SOPS takes no notice of. */
const ownSection: Shape<OwnSection> = (node, reading, label) => {
  const values = ownFields(node, reading, label)?.values;
  return (
    values && {
      names: values.keys ?? noNames,
      sealing: bindSealing(values.clusters, values.sealing, reading),
    }
  );
};

// Fields of a rule that stand one level too high.
const belongToRules: readonly string[] = ["path_regex", "age", "pgp", "kms", "key_groups", "encrypted_regex"];

const topFields: Shape<Mapping<TopFields>> = mapping<TopFields>(
  {
    creation_rules: list(creationRule, { hint: "write each rule behind a dash" }),
    destination_rules: list(destinationRule, { hint: "write each rule behind a dash" }),
    stores,
    kseal: ownSection,
  },
  {
    name: "the configuration",
    hints: new Map(belongToRules.map((field) => [field, "it belongs to an item of creation_rules"])),
    // A place for anchors, as in Compose files: SOPS ignores what it does not know.
    allows: (field) => field.startsWith("x-"),
  },
);

/**
 * Reads a `.sops.yaml`, strictly: where SOPS ignores what it does not know, this refuses (sops.md D5, D6).
 *
 * Everything that SOPS takes is taken, in the forms its code has and not those of its documentation (D47). Keys come
 * in the order in which SOPS writes them, each once. Top-level fields whose names start with `x-` are for anchors.
 *
 * @param path - The file's path, for messages and for {@link matchRule}.
 * @throws KsealError `CONFIG_INVALID` naming all problems at once: the first with its place in `where`, every other
 *   one in a line of its own, `file:line:column: problem`.
 */
export function parseConfig(text: Uint8Array, path: string): Config {
  const values = readYaml(text, {
    file: path,
    read: (root, reading) => topFields(root, reading, "the configuration")?.values,
  });
  return {
    path,
    rules: values?.creation_rules,
    stores: values?.stores ?? {},
    names: values?.kseal?.names ?? noNames,
    sealing: values?.kseal?.sealing ?? noSealing,
  };
}
