import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { peer } from "../test/support/peers.ts";
import { sealedVectorPath } from "../test/support/sealed.ts";
import { yamlOf } from "../test/support/sealed-files.ts";
import type { Workshop } from "./inputs.ts";
import type { Side } from "./measure.ts";
import type { Builds, Row } from "./rows.ts";

type Command = readonly [string, ...string[]];

const certificate = sealedVectorPath("rsa4096.crt.pem");

/** Sealing one Secret, cold, for a key of 4096 bits: what a person waits for. */
export function sealRows(
  workshop: Workshop,
  builds: Builds,
  options: { readonly quick: boolean },
): readonly Row[] {
  const kubeseal = peer("kubeseal");
  const pairs = options.quick ? 15 : 100;
  const bundled: Command = [process.execPath, builds.bundle];
  const executable: Command | undefined = existsSync(builds.executable) ? [builds.executable] : undefined;
  const side = (label: string, command: Command): Side => ({
    label,
    commands: [command],
    cwd: workshop.folder,
    env: workshop.env,
  });
  const seal = (kseal: Command, values: number) => () =>
    side("kseal seal", [...kseal, "seal", "--cert", certificate, plainSecret(workshop, values)]);
  const asKubeseal = (program: Command) => () =>
    side("kubeseal --cert", [
      ...program,
      ...["--cert", certificate, "-o", "yaml", "-f", plainSecret(workshop, 1)],
    ]);
  const empty = () => side("an empty Node program", [process.execPath, join(workshop.folder, "empty.mjs")]);
  return [
    ...(executable === undefined || kubeseal === undefined
      ? []
      : [
          {
            work: "seal 1 value, executable, against kubeseal --cert",
            ours: seal(executable, 1),
            theirs: asKubeseal([kubeseal]),
            target: 1.2,
            pairs,
          },
          {
            work: "seal 1 value as kseal kubeseal, executable, against kubeseal --cert",
            ours: asKubeseal([...executable, "kubeseal"]),
            theirs: asKubeseal([kubeseal]),
            target: undefined,
            pairs,
          },
        ]),
    {
      work: "seal 1 value, on Node, against Node itself",
      ours: seal(bundled, 1),
      theirs: empty,
      target: 2,
      pairs,
    },
    {
      work: "seal 100 values in one Secret against 1 value",
      ours: seal(executable ?? bundled, 100),
      theirs: seal(executable ?? bundled, 1),
      target: 1.3,
      pairs,
    },
  ];
}

function plainSecret({ folder }: Workshop, values: number): string {
  const name = `secret-of-${values}.yaml`;
  const items = Array.from({ length: values }, (_, at) => [`item-${at}`, `value ${at}`]);
  writeFileSync(
    join(folder, name),
    yamlOf({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "a", namespace: "prod" },
      stringData: Object.fromEntries(items),
    }),
  );
  return name;
}
