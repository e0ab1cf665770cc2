import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { peer } from "../test/support/peers.ts";
import { makeKey, manifest, seal, type TestKey, yamlOf } from "../test/support/sealed-files.ts";
import type { Workshop } from "./inputs.ts";
import type { Side } from "./measure.ts";
import type { Row } from "./rows.ts";

type Command = readonly [string, ...string[]];

const itemNames = ["password", "token", "user"];

/** SealedSecrets: many sealed, and many opened with many keys. Inputs are made now: keys take a minute. */
export async function sealedRows(
  workshop: Workshop,
  kseal: Command,
  options: { readonly quick: boolean; readonly only: string },
): Promise<readonly Row[]> {
  const kubeseal = peer("kubeseal");
  const counts = options.quick
    ? { objects: 200, keys: 12, measured: 5 }
    : { objects: 1000, keys: 60, measured: 20 };
  const names = [
    `seal ${counts.objects} manifests, one command, against kubeseal on each, two at a time`,
    `unseal ${counts.objects} SealedSecrets of 3 values, ${counts.keys} keys of 4096 bit, an old one opens all, against kubeseal --recovery-unseal on ${counts.measured}, scaled`,
  ] as const;
  if (kubeseal === undefined || !names.some((name) => name.includes(options.only))) return [];
  const inputs = await makeInputs(workshop, counts, names[1].includes(options.only));
  const side = (label: string, commands: readonly Command[], more: Partial<Side> = {}): Side => ({
    label,
    commands,
    cwd: workshop.folder,
    env: workshop.env,
    ...more,
  });
  const { plain, sealed, certificate, keys } = inputs;
  return [
    {
      work: names[0],
      ours: () => side("kseal seal FOLDER", [[...kseal, "seal", "--cert", certificate, plain.folder]]),
      theirs: () =>
        side(
          "kubeseal each",
          plain.files.map((file): Command => [kubeseal, "--cert", certificate, "-o", "yaml", "-f", file]),
          { atOnce: 2 },
        ),
      target: 1 / 8,
      pairs: options.quick ? 2 : 3,
    },
    {
      work: names[1],
      ours: () =>
        side("kseal unseal FOLDER", [
          [...kseal, "unseal", "--key", keys, "--out", "out-plain", sealed.folder],
        ]),
      theirs: () =>
        side(
          "kubeseal --recovery-unseal each",
          sealed.files
            .slice(0, counts.measured)
            .map(
              (file): Command => [kubeseal, "--recovery-unseal", "--recovery-private-key", keys, "-f", file],
            ),
          { atOnce: 2 },
        ),
      theirsTimes: counts.objects / counts.measured,
      target: undefined,
      pairs: options.quick ? 2 : 3,
    },
  ];
}

interface Inputs {
  readonly plain: Files;
  readonly sealed: Files;
  readonly certificate: string;
  readonly keys: string;
}

interface Files {
  readonly folder: string;
  readonly files: readonly string[];
}

async function makeInputs(
  { folder }: Workshop,
  { objects, keys }: { readonly objects: number; readonly keys: number },
  withKeys: boolean,
): Promise<Inputs> {
  const ages = Array.from({ length: withKeys ? keys : 1 }, (_, at) => at + 1);
  const made: TestKey[] = [];
  // Two at a time: making one takes a second.
  for (let at = 0; at < ages.length; at += 2) {
    made.push(...(await Promise.all(ages.slice(at, at + 2).map((age) => makeKey({ age, bits: 4096 })))));
  }
  const opener = made[Math.floor(made.length * 0.8)] ?? made[0];
  if (opener === undefined) throw new TypeError("no key was made");
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return name;
  };
  const named = (at: number) => `n${String(at).padStart(4, "0")}`;
  const many = (name: string, content: (name: string) => string): Files => {
    if (!existsSync(join(folder, name))) mkdirSync(join(folder, name));
    const files = Array.from({ length: objects }, (_, at) =>
      file(`${name}/${named(at)}.yaml`, content(named(at))),
    );
    return { folder: name, files };
  };
  return {
    certificate: file("cert.pem", opener.certificatePem),
    keys: file("sealing-keys.yaml", made.map(({ yaml }) => yaml).join("")),
    plain: many("plain", (name) =>
      yamlOf({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, namespace: "prod" },
        stringData: Object.fromEntries(itemNames.map((item) => [item, `${item} of ${name}`])),
      }),
    ),
    sealed: many("sealed", (name) =>
      manifest(
        Object.fromEntries(itemNames.map((item) => [item, seal(`${item} of ${name}`, opener, { name })])),
        { name },
      ),
    ),
  };
}
