import { KsealError } from "../errors.ts";
import { asObject, parseJson, readAll, withinDepth } from "./answer.ts";
import { type JsonObject, KubeError, type ListOptions, type ObjectList, type ObjectPath } from "./api.ts";
import { fieldOf, isObject, listOf, textOf } from "./fields.ts";
import { AnswerMalformed } from "./network-failure.ts";
import { objectUrl } from "./object-url.ts";
import type { Requester } from "./requester.ts";

const perPage = 500;
// A page of the largest objects that etcd holds would be larger; nobody has 500 of them.
const largestPage = 256 * 1024 * 1024;
const largestList = 1024 * 1024 * 1024;
const idleMs = 65_000;

/** Media types of answers that leave everything but `metadata` out. */
const metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/**
 * All objects of a path, page after page.
 *
 * @throws KsealError `LIMIT_EXCEEDED` for a list of more than 1 GiB.
 */
export async function listObjects(
  requester: Requester,
  path: ObjectPath,
  options: ListOptions = {},
): Promise<ObjectList> {
  try {
    return await allPages(requester, path, options);
  } catch (error) {
    // The pages belong to one moment, which the server forgets after some minutes. All at once takes as long as it takes.
    if (!(error instanceof LateForPage)) throw error;
    return await allPages(requester, path, { ...options, limit: 0 });
  }
}

/** The server does not know the moment of the first page any more. */
class LateForPage extends Error {}

async function allPages(
  requester: Requester,
  path: ObjectPath,
  { labelSelector, fieldSelector, resourceVersion, metadataOnly, limit = perPage, keep }: ListOptions,
): Promise<ObjectList> {
  const items: JsonObject[] = [];
  let size = 0;
  let next: string | undefined;
  for (;;) {
    const query = {
      labelSelector,
      fieldSelector,
      limit: limit > 0 ? limit : undefined,
      continue: next,
      resourceVersion: next === undefined ? resourceVersion : undefined,
    };
    const page = await onePage(requester, { path, url: objectUrl(path, query), metadataOnly }).catch(
      (error) => {
        const isLate = next !== undefined && error instanceof KubeError && error.status === 410;
        throw isLate ? new LateForPage() : error;
      },
    );
    size += page.bytes;
    if (size > largestList) {
      throw new KsealError(
        "LIMIT_EXCEEDED",
        `the list of ${path.plural} is larger than ${largestList} bytes`,
        {
          hint: "ask for one namespace",
        },
      );
    }
    // Not spread into push(): a list may be longer than the stack.
    for (const item of page.items) items.push(keep === undefined ? item : keep(item));
    next = page.next;
    if (next === undefined) return { items, resourceVersion: page.resourceVersion };
  }
}

interface Page {
  readonly items: readonly JsonObject[];
  readonly resourceVersion: string;
  readonly next: string | undefined;
  readonly bytes: number;
}

async function onePage(
  requester: Requester,
  { path, url, metadataOnly }: { path: ObjectPath; url: string; metadataOnly: boolean | undefined },
): Promise<Page> {
  const accept = metadataOnly === true ? metadataList : undefined;
  const request = { method: "GET", verb: "list", path, url, accept, repeatable: true, large: true } as const;
  return await requester.exchange(request, async ({ body }) => {
    const bytes = await readAll(body, { limit: largestPage, idleMs });
    const list = asObject(parseJson(bytes));
    const metadata = fieldOf(list, "metadata");
    const resourceVersion = textOf(metadata, "resourceVersion");
    if (resourceVersion === undefined) throw new AnswerMalformed("no list of Kubernetes");
    return {
      items: listOf(list, "items").map((item) => withKind(asObject(item), list)),
      resourceVersion,
      next: textOf(metadata, "continue") || undefined,
      bytes: bytes.length,
    };
  });
}

/** Objects of built-in kinds come in lists without the kind, which the list has: `SecretList`. */
function withKind(item: JsonObject, list: JsonObject): JsonObject {
  const { kind, apiVersion } = list;
  const safe = withinDepth(item);
  if (fieldOf(item, "kind") !== undefined || typeof kind !== "string" || !isObject(item)) return safe;
  return { apiVersion, kind: kind.replace(/List$/, ""), ...safe };
}
