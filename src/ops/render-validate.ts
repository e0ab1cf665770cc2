import { isSealed } from "../core/value.ts";
import { KsealError } from "../errors.ts";
import { expandList } from "../sealed/secret.ts";
import { RenderError } from "./render-problems.ts";

export const validatorKind = "SecretValidator";

/**
 * Refuses a build with a Secret in clear: what Kustomize builds of it goes into a rendered branch, a pull request or the
 * cache of Argo CD.
 *
 * @param objects - The objects of the build.
 * @param config - The validator's document; `allow` names Secrets that may be there, as `name` or `namespace/name`.
 * @throws RenderError naming every Secret with a value. No value stands in it.
 */
export function refuseClearSecrets(objects: readonly unknown[], config: unknown): void {
  const allowed = allowedOf(config);
  const found = objects
    .flatMap(secretsIn)
    .filter(({ name, place }) => !allowed.has(name) && !allowed.has(place));
  const [first, ...rest] = found.map(
    ({ place }) =>
      new KsealError("FINDINGS", `the Secret ${place} is in this build with its values`, {
        hint: "commit it as a SealedSecret or encrypted with SOPS; or name it under allow: of the validator",
      }),
  );
  if (first !== undefined) throw new RenderError([first, ...rest]);
}

interface Found {
  readonly name: string;
  readonly place: string;
}

function secretsIn(document: unknown): readonly Found[] {
  return expandList(document).flatMap((object) => {
    if (object["kind"] !== "Secret" || object["apiVersion"] !== "v1") return [];
    if (!hasValue(object["data"]) && !hasValue(object["stringData"])) return [];
    const metadata = fieldsOf(object["metadata"]);
    const name = typeof metadata["name"] === "string" ? metadata["name"] : "without a name";
    const namespace = metadata["namespace"];
    return [{ name, place: typeof namespace === "string" ? `${namespace}/${name}` : name }];
  });
}

/** Whether anything in it is neither empty nor encrypted. */
function hasValue(section: unknown): boolean {
  return Object.values(fieldsOf(section)).some(
    (value) => value !== null && value !== "" && !(typeof value === "string" && isSealed(value)),
  );
}

function allowedOf(config: unknown): ReadonlySet<string> {
  const fields = fieldsOf(config);
  const unknown = Object.keys(fields).filter(
    (key) => !["apiVersion", "kind", "metadata", "allow"].includes(key),
  );
  const allow = fields["allow"] ?? [];
  if (unknown.length > 0) {
    throw new KsealError("CONFIG_INVALID", `the validator: ${unknown.join(", ")} is unknown`, {
      hint: "known are allow",
    });
  }
  if (!Array.isArray(allow) || !allow.every((name) => typeof name === "string")) {
    throw new KsealError("CONFIG_INVALID", "the validator: allow is no list of names");
  }
  return new Set(allow);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
