import { isScalar, isSeq, type Node } from "yaml";
import type { KeyNames } from "../core/key-names.ts";
import { keyId } from "../core/master-key.ts";
import { type Mapping, mapping } from "./mapping.ts";
import { parseKey } from "./master-keys.ts";
import { type Located, list, located, mismatch, type Shape, text } from "./shapes.ts";
import type { Reading } from "./yaml-text.ts";

interface NamedKey {
  readonly name: Located<string>;
  readonly key: readonly Located<string>[];
}

// A name stands in messages, where it must not pass for something else.
const longestName = 60;

const keyOrKeys: Shape<readonly Located<string>[]> = (node, reading, label) => {
  if (isSeq(node)) return list(located(text))(node, reading, label);
  if (!isScalar(node)) return mismatch(node, reading, `${label} must be a key or a list of keys`);
  const one = text(node, reading, label);
  return one === undefined ? undefined : [{ value: one, node }];
};

const namedKey: Shape<Mapping<NamedKey>> = mapping<NamedKey>(
  { name: located(text), key: keyOrKeys },
  { name: "a named key", isOwn: true, hint: "write - name: Alice laptop, with key: age1... below it" },
);

/** `keys` of the section `kseal`: what people call their keys. */
export const namedKeys: Shape<KeyNames> = (node, reading, label) => {
  const items = list(namedKey, { hint: "write - name: Alice laptop, with key: age1... below it" })(
    node,
    reading,
    label,
  );
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const item of items ?? []) {
    const { name, key } = item.values;
    if (name === undefined || key === undefined || key.length === 0) {
      reading.report(item.node, "a named key needs a name and a key");
      continue;
    }
    checkName(name, taken, reading);
    taken.add(name.value);
    for (const one of key) addKey(one, { name: name.value, names, reading });
  }
  return names;
};

function checkName({ value, node }: Located<string>, taken: ReadonlySet<string>, reading: Reading): void {
  if (value.trim() === "" || [...value].length > longestName || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value)) {
    reading.report(node, `a name has 1 to ${longestName} visible characters, on one line`);
  } else if (taken.has(value)) {
    reading.report(node, `the name ${JSON.stringify(value)} is there twice; give both keys as a list`);
  }
}

function addKey(
  { value, node }: { readonly value: string; readonly node: Node },
  { name, names, reading }: { name: string; names: Map<string, string>; reading: Reading },
): void {
  const parsed = parseKey(value);
  if ("problem" in parsed) {
    reading.report(node, `key: ${parsed.problem}`);
    return;
  }
  const { key } = parsed;
  const id = key.type === "pgp" ? key.fingerprint.toUpperCase().replace(/!$/, "") : keyId(key);
  const other = names.get(id);
  if (other === undefined) names.set(id, name);
  else reading.report(node, `this key has the name ${JSON.stringify(other)} already`);
}
