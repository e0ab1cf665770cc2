import { layoutFor, parseJson, renderJson } from "./json-content.ts";
import { printJson } from "./json-print.ts";
import type { Store } from "./store.ts";

/** JSON: one object, the metadata in its member `sops`. */
export const jsonStore: Store = {
  format: "json",
  parse: (bytes) => ({ format: "json", ...parseJson(bytes) }),
  render: (next, { base, indent } = {}) =>
    new TextEncoder().encode(renderJson(next, { base: base?.format === "json" ? base : undefined, indent })),
  renderNode(node, { indent } = {}) {
    if (node.kind === "str") return new TextEncoder().encode(node.value);
    const end = node.kind === "map" ? "\n" : "";
    return new TextEncoder().encode(printJson(node, layoutFor(indent)) + end);
  },
};
