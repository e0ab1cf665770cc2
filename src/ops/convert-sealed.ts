import { KsealError } from "../errors.ts";
import { printObjects } from "../formats/manifest-print.ts";
import { type Scope, scopeOf } from "../sealed/scope.ts";
import { sealedSecretObject } from "../sealed/sealed-secret.ts";
import { placeOf, type Secret } from "../sealed/secret.ts";
import { wrapping } from "../sealed/wrap-on-cores.ts";
import { type CertificateFlags, certificateFinder, type FoundCertificate } from "./certificate.ts";
import type { OpContext } from "./context.ts";
import { withHead } from "./convert-documents.ts";
import { type Layout, overridesOf } from "./convert-layout.ts";
import { secretPlaces } from "./convert-places.ts";
import type { Converted } from "./convert-plain.ts";
import type { ConvertSource, SourcePart } from "./convert-source.ts";
import type { Destination } from "./destination.ts";
import { sealOne } from "./seal-object.ts";
import { targetOf } from "./write-result.ts";

interface SealedConversion extends CertificateFlags {
  readonly destination: Destination;
  readonly scope?: Scope | undefined;
  readonly namespace?: string | undefined;
  readonly layout: Layout;
  /** How many values there are to seal, in all files. */
  readonly values: number;
}

/**
 * Seals the Secrets of files, each for the namespace that it will have when Kustomize and Flux are through with it.
 *
 * @throws What sealing throws, and `SEALED_INVALID` where it cannot be known which namespace or name that is.
 */
export function sealedConverter(
  conversion: SealedConversion,
  context: OpContext,
): (source: ConvertSource) => Promise<Converted> {
  const certificates = certificateFinder(conversion, context);
  const wrapFor = wrapping(conversion.values, context.host.cores);
  const warned = new Set<string>();
  return async (source) => {
    const { text, from, parts, format } = source;
    const target = targetOf(source.source, conversion.destination, context);
    const found = await certificates.find(source.file, target);
    for (const warning of found.warnings) {
      if (!warned.has(warning)) context.log.warn(warning);
      warned.add(warning);
    }
    const random = (length: number) => context.host.random(length);
    const to = { ...found, scope: found.scope, random, wrap: wrapFor(found.certificate.publicKey) };
    const made = await Promise.all(parts.map((part) => sealPart(part, { source, to, conversion }, context)));
    const decoder = new TextDecoder();
    const content = made.map(({ part, object }) =>
      object === undefined ? part.text : withHead(decoder.decode(printObjects([object], format)), part.head),
    );
    return {
      source: source.source,
      expect: text.bytes.length === 0 ? undefined : text.bytes,
      content: new TextEncoder().encode(content.join("")),
      from,
      secrets: secretPlaces({ parts: made.map(({ part }) => part) }),
      lost: [
        ...made.flatMap(({ stripped }) => stripped),
        ...parts.flatMap(({ lost }) => lost),
        ...(parts.some(({ hasMore }) => hasMore) ? ["comments"] : []),
        ...(from === "sops" ? ["its recipients: only the cluster opens it from now on"] : []),
      ],
    };
  };
}

async function sealPart(
  part: SourcePart,
  {
    source,
    to,
    conversion,
  }: {
    readonly source: ConvertSource;
    readonly to: Parameters<typeof sealOne>[2] & Pick<FoundCertificate, "origin">;
    readonly conversion: SealedConversion;
  },
  context: OpContext,
): Promise<{
  readonly part: SourcePart;
  readonly object: ReturnType<typeof sealedSecretObject> | undefined;
  readonly stripped: readonly string[];
}> {
  if (part.secret === undefined) return { part, object: undefined, stripped: [] };
  try {
    const { renaming, ...overrides } = overridesOf(source.source.path ?? "", conversion.layout, context);
    const secret = inNamespace(part.secret, overrides.namespaces, conversion);
    const { scope } = conversion;
    const made = await sealOne(secret, { scope, keepSync: true }, to);
    const [file] = renaming;
    if (file !== undefined && scopeOf(made.sealed.metadata.annotations) === "strict") {
      throw new KsealError(
        "SEALED_INVALID",
        `${file} changes the name of ${placeOf(secret.metadata)}, and values that are bound to a name would not open`,
        { hint: "bind them to the namespace alone: --scope namespace-wide" },
      );
    }
    return { part: { ...part, secret }, object: sealedSecretObject(made.sealed), stripped: made.stripped };
  } catch (error) {
    if (!(error instanceof KsealError) || part.line === undefined) throw error;
    throw error.at({ line: part.line });
  }
}

function inNamespace(
  secret: Secret,
  namespaces: readonly string[],
  { namespace: asked, scope }: Pick<SealedConversion, "namespace" | "scope">,
): Secret {
  const { metadata } = secret;
  if (namespaces.length > 1 && scope !== "cluster-wide") {
    throw new KsealError(
      "SEALED_INVALID",
      `the Secret ${placeOf(metadata)} goes to several namespaces: ${namespaces.join(", ")}`,
      {
        hint: "give each namespace a Secret of its own, or bind the values to nothing: --scope cluster-wide",
      },
    );
  }
  const [overriding] = namespaces;
  const own = metadata.namespace === "" ? asked : metadata.namespace;
  return { ...secret, metadata: { ...metadata, namespace: overriding ?? own ?? "" } };
}
