import { encodeBase64 } from "../core/base64.ts";
import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import { printObjects } from "../formats/manifest-print.ts";
import { field, type JsonObject } from "../sealed/object-fields.ts";
import { sortedObject } from "../sealed/object-meta.ts";
import { type Secret, secretObject } from "../sealed/secret.ts";
import type { OpContext } from "./context.ts";
import { withHead } from "./convert-documents.ts";
import { isObject, textOf } from "./convert-layout.ts";
import { secretPlaces } from "./convert-places.ts";
import type { ConvertSource, SecretForm } from "./convert-source.ts";
import type { Destination } from "./destination.ts";
import { encryptText } from "./encrypt-text.ts";
import { openRuleBook } from "./rule-book.ts";
import { type Result, targetOf } from "./write-result.ts";

/** A file in its new form. */
export interface Converted extends Result {
  readonly from: SecretForm;
  readonly secrets: readonly string[];
  readonly lost: readonly string[];
}

/**
 * Makes SOPS files, or plain ones.
 *
 * @throws What encrypting throws, and `NOTHING_SELECTED` when a rule encrypts what Kubernetes tools have to read.
 */
export function plainConverter(
  { to, destination }: { readonly to: SecretForm; readonly destination: Destination },
  context: OpContext,
): (source: ConvertSource) => Promise<Converted> {
  const rules = openRuleBook(context);
  return async (source) => {
    const { text, from, parts, plain } = source;
    const clear = plain ?? new TextEncoder().encode(printed(source, to));
    const lost = [
      ...parts.flatMap((part) => part.lost),
      ...(plain === undefined && parts.some(({ hasMore }) => hasMore) ? ["comments"] : []),
    ];
    const result = { source: source.source, expect: text.bytes, from, secrets: secretPlaces(source), lost };
    if (to === "secret") return { ...result, content: clear };
    const target = targetOf(source.source, destination, context) ?? source.file;
    const ruled = (await rules.ruleFor(context.host.resolve(target))) === undefined ? source.file : target;
    const encrypted = await encryptText(
      { file: source.file, name: context.host.resolve(ruled), bytes: clear },
      { strip: true },
      rules,
      context,
    );
    await refuseHidden(encrypted.content, ruled);
    return { ...result, content: encrypted.content, lost: [...lost, ...encrypted.stripped] };
  };
}

function printed({ parts, format }: ConvertSource, to: SecretForm): string {
  const decoder = new TextDecoder();
  return parts
    .map(({ secret, text, head }) => {
      if (secret === undefined) return text;
      const object = to === "sops" ? readable(secret) : secretObject(secret);
      return withHead(decoder.decode(printObjects([object], format)), head);
    })
    .join("");
}

/** A Secret for people: texts as they are, and in base64 only what is none. */
function readable(secret: Secret): JsonObject {
  const { data: _, ...object } = secretObject(secret);
  const texts = new Map<string, string>();
  const bytes = new Map<string, string>();
  for (const [item, value] of secret.data) {
    const text = textIn(value);
    if (text === undefined) bytes.set(item, encodeBase64(value));
    else texts.set(item, text);
  }
  return {
    ...object,
    ...(bytes.size === 0 ? {} : { data: sortedObject(bytes) }),
    ...(texts.size === 0 ? {} : { stringData: sortedObject(texts) }),
  };
}

function textIn(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return /^[\t\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]*$/u.test(text)
      ? text
      : undefined;
  } catch {
    return undefined;
  }
}

/** Flux, Argo CD and kubectl have to read what the object is, before anybody opens it. */
async function refuseHidden(content: Uint8Array, file: string): Promise<void> {
  const { documents } = await readManifest(content, { file });
  for (const { object } of documents) {
    if (!isObject(object)) continue;
    const metadata = field(object, "metadata");
    const names = [
      textOf(object, "kind"),
      textOf(object, "apiVersion"),
      isObject(metadata) ? textOf(metadata, "name") : undefined,
    ];
    if (!names.some((name) => name?.startsWith("ENC["))) continue;
    throw new KsealError(
      "NOTHING_SELECTED",
      "the rule would encrypt kind, apiVersion or the name of a Secret",
      {
        hint: "tools of Kubernetes have to read them: encrypted_regex: ^(data|stringData)$ in .sops.yaml",
        where: { file },
      },
    );
  }
}
