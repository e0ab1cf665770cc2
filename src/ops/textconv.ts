import { describeKey } from "../core/key-names.ts";
import { keyedTag, pendingMac } from "../core/mac.ts";
import type { Metadata } from "../core/metadata.ts";
import { scalarBytes } from "../core/scalar-text.ts";
import { compileSelection, defaultSelection } from "../core/selection.ts";
import type { Comment, Document, Scalar } from "../core/tree.ts";
import { isSealed } from "../core/value.ts";
import { mapLeaves } from "../core/walk.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { ParsedFile } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { keyLookup } from "./key-lookup.ts";
import { openParsed, parseText } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { keysOf } from "./merge-metadata.ts";

/**
 * An encrypted file as `git diff` shows it: the layout of the file, a tag in place of every encrypted value, recipients
 * and rule below. With a key, the tag is a keyed digest of the value, so that a value that stays the same shows as the
 * same although its ciphertext changed; without one it comes from the ciphertext. Everything else comes back as it is.
 *
 * Never fails: a `textconv` that does ends `git diff`.
 *
 * @param options.reveal - Shows values in clear instead, where a key opens them.
 */
export async function showForDiff(
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
  options: { readonly reveal: boolean },
  context: OpContext,
): Promise<Uint8Array> {
  if (!looksEncrypted(bytes)) return bytes;
  try {
    return await show({ name, bytes }, options, context);
  } catch (error) {
    if (error instanceof KsealError) return bytes;
    throw error;
  }
}

async function show(
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
  { reveal }: { readonly reveal: boolean },
  context: OpContext,
): Promise<Uint8Array> {
  const text = { file: name, name, bytes };
  const parsed = await parseText(text, undefined);
  const { metadata } = parsed;
  if (metadata === undefined) return bytes;
  const opened = await open(text, parsed, context);
  const document =
    opened === undefined
      ? await replaced(parsed.document, parsed.document, ({ sealed }) => ciphertextTag(sealed))
      : reveal
        ? opened.plain
        : await replaced(opened.plain, parsed.document, ({ plain, aad }) => opened.tag(aad, plain));
  const store = await storeFor(parsed.format);
  const content = store.render({ document, metadata: undefined }, { base: parsed });
  const decoder = new TextDecoder();
  return new TextEncoder().encode(`${decoder.decode(content)}${await footer(metadata, name, context)}`);
}

interface Opened {
  readonly plain: Document;
  tag(aad: string, value: Scalar | Comment): string;
}

async function open(
  text: { file: string; name: string; bytes: Uint8Array },
  parsed: ParsedFile,
  context: OpContext,
): Promise<Opened | undefined> {
  try {
    const quiet = { ...context, log: { info: () => {}, warn: () => {} } };
    const { plain, dataKey } = await openParsed(text, parsed, {}, quiet);
    const encoder = new TextEncoder();
    return {
      plain,
      tag(aad, value) {
        const content = value.kind === "comment" ? encoder.encode(value.text) : scalarBytes(value);
        return `[encrypted ${keyedTag(dataKey.keyObject(), [encoder.encode(aad), content])}]`;
      },
    };
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

/** The tree with something else in place of the values that stand encrypted in the file. */
async function replaced(
  plain: Document,
  sealed: Document,
  textFor: (leaf: { plain: Scalar | Comment; sealed: string; aad: string }) => string,
): Promise<Document> {
  const selector = await compileSelection(defaultSelection);
  return mapLeaves(plain, {
    selector,
    earlier: { plain, sealed },
    visit: (leaf, { earlier, aad }) => {
      const twin = earlier?.sealed;
      const text = twin?.kind === "comment" ? twin.text : twin?.kind === "str" ? twin.value : "";
      if (!isSealed(text)) return leaf;
      const shown = textFor({ plain: leaf, sealed: text, aad });
      return leaf.kind === "comment" ? { ...leaf, text: ` ${shown}` } : { kind: "str", value: shown };
    },
  });
}

// The tag of AES-GCM changes whenever the value or its encryption does.
function ciphertextTag(sealed: string): string {
  const [, tag = ""] = /tag:([\w+/]{1,8})/.exec(sealed) ?? [];
  return `[encrypted, ciphertext ${tag}]`;
}

async function footer(metadata: Metadata, name: string, context: OpContext): Promise<string> {
  const names = await keyLookup(name, context).names();
  const { rule, pattern } = metadata.selection ?? defaultSelection;
  const lines = [
    ...keysOf(metadata).flatMap((group, at, groups) =>
      group.map(
        (key) => `recipient${groups.length > 1 ? ` of group ${at + 1}` : ""}: ${describeKey(key, names)}`,
      ),
    ),
    `rule: ${rule} ${pattern}${metadata.macOnlyEncrypted ? ", the MAC covers encrypted values only" : ""}`,
    ...(metadata.mac === "" ? ["no MAC"] : metadata.mac === pendingMac ? ["a merge is not finished"] : []),
  ];
  return lines.map((line) => `# sops ${line}\n`).join("");
}
