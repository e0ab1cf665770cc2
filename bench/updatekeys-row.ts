import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recipients } from "../test/support/identities.ts";
import { manyFiles, type Workshop } from "./inputs.ts";
import type { Row } from "./rows.ts";

type Command = readonly [string, ...string[]];

/**
 * Somebody new for every file of a repository. kseal puts every file onto the disk before it is done, as it always
 * does; `sops` leaves that to the system.
 */
export function updatekeysRows(
  workshop: Workshop,
  kseal: Command,
  { quick }: { readonly quick: boolean },
): readonly Row[] {
  const count = quick ? 100 : 1000;
  const folder = join(workshop.folder, "updatekeys");
  const side = (label: string, commands: (files: readonly string[]) => readonly Command[]) => {
    const { folder: original } = manyFiles(workshop, count);
    const place = join(folder, label.replaceAll(" ", "-"));
    const files = readdirSync(original);
    return {
      label,
      commands: commands(files),
      cwd: join(place, "secrets"),
      env: workshop.env,
      atOnce: 2,
      // Before every run: what was updated once needs nothing.
      prepare() {
        rmSync(place, { recursive: true, force: true });
        mkdirSync(place, { recursive: true });
        cpSync(original, join(place, "secrets"), { recursive: true });
        const all = [workshop.recipient, recipients[1] ?? ""].join(",");
        writeFileSync(join(place, ".sops.yaml"), `creation_rules:\n  - age: ${all}\n`);
        execFileSync("sync");
      },
    };
  };
  return [
    {
      work: `updatekeys of ${count} files, with fsync, against sops on each, two at a time, without`,
      ours: () => side("kseal updatekeys FOLDER", () => [[...kseal, "updatekeys", "--yes", "."]]),
      theirs: () =>
        side("sops updatekeys each", (files) =>
          files.map((file): Command => [workshop.sops, "updatekeys", "--yes", file]),
        ),
      target: quick ? undefined : 1 / 8,
      pairs: 3,
    },
  ];
}
