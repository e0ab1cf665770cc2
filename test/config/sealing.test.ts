import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { matchSealingRule } from "../../src/config/match.ts";
import { parseConfig } from "../../src/config/rules.ts";
import { KsealError } from "../../src/errors.ts";

const host = { platform: "linux", resolve: (...parts: string[]) => resolve("/repo", ...parts) } as const;
const hex = "6f1e".repeat(16);
const pairs = "6F:1E:".repeat(16).slice(0, -1);

const parse = (text: string) => parseConfig(new TextEncoder().encode(text), ".sops.yaml");
const section = (lines: string): string => `kseal:\n${lines.replaceAll(/^/gm, "  ")}\n`;

const both = section(`clusters:
  - name: prod
    certificate: certs/prod.pem
    fingerprint: sha256:${hex}
    context: prod-admin
    controller: sealing/controller
  - {name: dev, certificate: dev.pem}
sealing:
  - {path_regex: ^clusters/prod/, cluster: prod, scope: strict}
  - {path_regex: ^shared/, scope: namespace-wide}
  - cluster: dev`);

describe("the clusters and sealing rules of .sops.yaml", () => {
  test("are read, with the cluster of each rule", () => {
    const { clusters, rules } = parse(both).sealing;
    expect(clusters).toEqual([
      {
        name: "prod",
        certificate: "certs/prod.pem",
        fingerprint: pairs,
        context: "prod-admin",
        controller: { namespace: "sealing", name: "controller" },
        line: 3,
      },
      {
        name: "dev",
        certificate: "dev.pem",
        fingerprint: undefined,
        context: undefined,
        controller: undefined,
        line: 8,
      },
    ]);
    expect(rules.map(({ cluster, scope, line }) => [cluster?.name, scope, line])).toEqual([
      ["prod", "strict", 10],
      [undefined, "namespace-wide", 11],
      ["dev", undefined, 12],
    ]);
  });

  test("are empty in a file without them", () => {
    expect(parse("kseal: {keys: []}").sealing).toEqual({ clusters: [], rules: [] });
    expect(parse("").sealing).toEqual({ clusters: [], rules: [] });
    expect(parse("kseal: {clusters: , sealing: }").sealing).toEqual({ clusters: [], rules: [] });
  });

  test.for([
    ["clusters/prod/db.yaml", "prod"],
    ["shared/db.yaml", undefined],
    ["x/clusters/prod/db.yaml", "dev"],
  ] as const)("the first rule that matches decides: %s", ([file, name]) => {
    expect(matchSealingRule(parse(both), `/repo/${file}`, host)?.cluster?.name).toBe(name);
  });

  test.for([`sha256:${hex}`, hex, hex.toUpperCase(), pairs, `SHA256:${pairs}`, `sha256=${pairs}`])(
    "a fingerprint may be written %s",
    (written) => {
      const text = section(`clusters: [{name: a, certificate: a.pem, fingerprint: '${written}'}]`);
      expect(parse(text).sealing.clusters[0]?.fingerprint).toBe(pairs);
    },
  );

  const bad: readonly (readonly [string, string, readonly string[]])[] = [
    [
      "a misspelt field of a cluster",
      "clusters: [{name: a, certificat: b}]",
      ['2:24: unknown field "certificat" in a cluster: did you mean "certificate"?'],
    ],
    [
      "an unknown field of a rule",
      "sealing: [{cert: b, scope: strict}]",
      ['2:14: unknown field "cert" in a sealing rule: known are path_regex, cluster, scope'],
    ],
    [
      "mappings in place of lists",
      "clusters: {prod: a}\nsealing: {prod: a}",
      [
        "2:13: clusters must be a list: write - name: prod, with certificate: certs/prod.pem below it, not a mapping",
        "3:12: sealing must be a list: write - path_regex: ^clusters/prod/, with cluster: prod below it, not a mapping",
      ],
    ],
    ["a cluster without a name", "clusters: [{certificate: a}]", ["2:14: a cluster needs a name"]],
    [
      "a name with a space",
      "clusters: [{name: my cluster}]",
      ["2:21: a cluster's name has 1 to 100 letters, digits and -_.:/@, and no space"],
    ],
    ["a name twice", "clusters: [{name: a}, {name: a}]", ['2:32: the cluster "a" is there twice']],
    [
      "an address without a fingerprint",
      "clusters: [{name: a, certificate: 'https://example.com/cert.pem'}]",
      ["2:37: a certificate from the network needs a fingerprint beside it: kseal cert show prints it"],
    ],
    [
      "an address of another kind",
      "clusters: [{name: a, certificate: 'ftp://example.com/cert.pem'}]",
      ["2:37: certificate must be a file, relative to .sops.yaml, or an address with https"],
    ],
    [
      "a short fingerprint",
      "clusters: [{name: a, fingerprint: 'sha256:6f1e'}]",
      ["2:37: fingerprint must be SHA-256 of the certificate, sha256: and 64 hexadecimal digits"],
    ],
    [
      "the fingerprint of a key",
      "clusters: [{name: a, fingerprint: 'SHA256:sM2gWOxqmjURy0HYTh4e909N4cjMtyLDUf/nM3qHaqo'}]",
      ["2:37: fingerprint must be that of the certificate; this is one of a key"],
    ],
    ["an empty context", "clusters: [{name: a, context: ''}]", ["2:33: context is empty"]],
    [
      "a controller without its namespace",
      "clusters: [{name: a, controller: sealed-secrets}]",
      ["2:36: controller must look like kube-system/sealed-secrets-controller"],
    ],
    [
      "a cluster that is not there",
      "clusters: [{name: prod}]\nsealing: [{cluster: prd}]",
      ['3:23: there is no cluster "prd" in clusters: known are prod'],
    ],
    [
      "a cluster where there are none",
      "sealing: [{cluster: prod}]",
      ['2:23: there is no cluster "prod" in clusters; it names none'],
    ],
    [
      "a scope that is none",
      "sealing: [{scope: cluster}]",
      ["2:21: scope must be strict, namespace-wide, cluster-wide"],
    ],
    [
      "a rule that says nothing",
      "sealing: [{path_regex: a}]",
      ["2:13: a sealing rule needs a cluster, a scope or both"],
    ],
    [
      "a pattern that RE2 refuses",
      "sealing: [{path_regex: '(?=a)', scope: strict}]",
      [
        '2:26: path_regex: the pattern "(?=a)" is no valid regular expression (patterns have RE2 syntax: no look-around, no back-references, every parenthesis closed)',
      ],
    ],
    [
      "several mistakes, all of them at once",
      "clusters: [{name: a, x: 1}, {nam: b}]\nsealing: [{cluster: c}]",
      [
        '2:24: unknown field "x" in a cluster: known are name, certificate, fingerprint, context, controller',
        "2:31: a cluster needs a name",
        '2:32: unknown field "nam" in a cluster: did you mean "name"?',
        '3:23: there is no cluster "c" in clusters: known are a',
      ],
    ],
  ];

  test.for(bad)("are refused with %s", ([, text, problems]) => {
    expect(problemsOf(section(text))).toEqual(problems);
  });
});

function problemsOf(text: string): readonly string[] {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof KsealError) || error.code !== "CONFIG_INVALID") throw error;
    const { line, column } = error.where ?? {};
    const [first, ...rest] = error.message.split("\n");
    return [`${line}:${column}: ${first}`, ...rest.map((one) => one.replace(".sops.yaml:", ""))];
  }
  return [];
}
