import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { chartFolder, type InstalledObject, manifests, readObject } from "../support/install.ts";
import { peer } from "../support/peers.ts";

const controller = peer("controller");
const ours = readObject("manifests", "crd", "sealedsecrets.yaml");

test.skipIf(controller === undefined)("the definition of SealedSecrets means what upstream's means", () => {
  const file = join(dirname(controller ?? ""), "bitnami.com_sealedsecrets.yaml");
  const theirs = parse(readFileSync(file, "utf8"));

  expect(meaning(ours.spec)).toEqual(meaning(theirs.spec));
  expect(ours.metadata.name).toBe(theirs.metadata.name);
  // A comparison that drops too much would be content with anything.
  expect(JSON.stringify(meaning(ours.spec))).toContain('"x-kubernetes-preserve-unknown-fields":true');
  const [column, ...others] = ours.spec.versions[0].additionalPrinterColumns;
  const changed = {
    ...ours.spec,
    versions: [{ ...ours.spec.versions[0], additionalPrinterColumns: others }],
  };
  expect(column.name).toBe("Status");
  expect(meaning(changed)).not.toEqual(meaning(theirs.spec));
});

test("no tool deletes the definition, or the namespace with the keys, along with other things", () => {
  for (const object of [ours, readObject("manifests", "namespace", "namespace.yaml")]) {
    expect(object.metadata.annotations).toEqual({
      "helm.sh/resource-policy": "keep",
      "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
      "kustomize.toolkit.fluxcd.io/prune": "disabled",
    });
  }
});

test.for([
  ["sealedsecrets.yaml", "crd/sealedsecrets.yaml"],
  ["dashboard.json", "components/monitoring/dashboard.json"],
])("the chart's %s is that of the manifests", ([copy, original]) => {
  const read = (file: string) => readFileSync(file, "utf8");
  expect(read(join(chartFolder, "files", copy!))).toBe(read(manifests(original!)));
});

test("the chart's alerts are those of the manifests", () => {
  const { spec } = readObject("manifests", "components", "monitoring", "alerts.yaml");
  expect(readObject("chart", "files", "alerts.yaml")).toEqual(spec);
});

/** A definition without what is for people, and without regard to order where order means nothing. */
function meaning(value: InstalledObject): unknown {
  if (Array.isArray(value)) {
    const isSet = value.every((item) => typeof item === "string");
    return isSet ? value.toSorted() : value.map(meaning);
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    // A property may have that name; then it is a schema.
    ([key, item]) => key !== "description" || typeof item !== "string",
  );
  return Object.fromEntries(entries.map(([key, item]) => [key, meaning(item)]));
}
