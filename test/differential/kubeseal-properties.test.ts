import fc from "fast-check";
import { describe, test } from "vitest";
import { printObjects } from "../../src/formats/manifest-print.ts";
import {
  certificate,
  certificate4096,
  compareOutcomes,
  kubeseal,
  runOurs,
  runTheirs,
} from "./kubeseal-harness.ts";

const cases = process.env["SLOW"] === "1" ? 3000 : 100;

const name = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);
const key = fc.stringMatching(/^[A-Za-z0-9._-]{1,16}$/);
// Line breaks of Unicode apart: kseal writes them as escapes, so that every reader of YAML reads the same.
const text = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.constantFrom(
      "",
      "true",
      "null",
      "~",
      "1",
      "0x1",
      "1e3",
      "yes",
      "- a",
      "a: b",
      "#",
      " x",
      "x ",
      "a\nb\n",
      "\n",
      "\t",
      "'",
      '"',
      "{}",
      "<&>",
    ),
  )
  .filter((one) => !/[\u0085\u2028\u2029\ufeff\ufffe\uffff]/.test(one));
const bytes = fc.uint8Array({ maxLength: 60 }).map((one) => Buffer.from(one).toString("base64"));
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const scopeMark = fc.constantFrom("true", "false", "TRUE");

const secret = fc
  .record(
    {
      metadata: fc.record(
        {
          name,
          namespace: name,
          labels: fc.dictionary(key, text, { maxKeys: 3 }),
          annotations: fc
            .tuple(
              fc.dictionary(key, text, { maxKeys: 3 }),
              fc.record(
                {
                  "sealedsecrets.bitnami.com/namespace-wide": scopeMark,
                  "sealedsecrets.bitnami.com/cluster-wide": scopeMark,
                  "kubectl.kubernetes.io/last-applied-configuration": text,
                },
                { requiredKeys: [] },
              ),
            )
            .map(([free, known]) => ({ ...free, ...known })),
          generateName: name,
          finalizers: fc.array(name, { maxLength: 2 }),
          resourceVersion: name,
          uid: name,
          generation: fc.nat(),
          creationTimestamp: fc.constantFrom(null, "2020-01-02T03:04:05Z"),
          unknown: text,
        },
        { requiredKeys: ["name"] },
      ),
      type: fc.constantFrom("", "Opaque", "kubernetes.io/tls"),
      immutable: fc.boolean(),
      data: fc.dictionary(key, bytes, { maxKeys: 3 }),
      stringData: fc.dictionary(key, text, { maxKeys: 3 }),
    },
    { requiredKeys: ["metadata"] },
  )
  .map((object) => ({ apiVersion: "v1", kind: "Secret", ...object }));

const call = fc.record({
  secrets: fc.array(secret, { minLength: 1, maxLength: 2 }),
  input: fc.constantFrom("json" as const, "yaml" as const),
  output: optional(fc.constantFrom("json", "yaml")),
  scope: optional(fc.constantFrom("strict", "namespace-wide", "cluster-wide")),
  namespace: optional(name),
  name: optional(name),
  cert: fc.constantFrom(certificate, certificate, certificate, certificate4096),
});

describe.skipIf(kubeseal === undefined)("random Secrets", () => {
  test("come out the same from both tools, and each opens the other's", async () => {
    await fc.assert(
      fc.asyncProperty(call, async ({ secrets, input, output, scope, namespace, name, cert }) => {
        const flags = { "-o": output, "--scope": scope, "-n": namespace, "--name": name };
        const args = Object.entries(flags).flatMap(([flag, value]) =>
          value === undefined ? [] : [flag, value],
        );
        const one = {
          name: "",
          args: ["--cert", cert, "--allow-empty-data", ...args],
          stdin: printObjects(secrets, input),
        };
        const [theirs, ours] = await Promise.all([runTheirs(one), runOurs(one)]);
        // All or nothing (S10): the original prints what comes before the first failure.
        const expected = theirs.status === 0 ? theirs : { ...theirs, stdout: "" };
        await compareOutcomes(one, expected, ours);
      }),
      { numRuns: cases, ...(process.env["SEED"] === undefined ? {} : { seed: Number(process.env["SEED"]) }) },
    );
  }, 600_000);
});
