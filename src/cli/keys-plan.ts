import { describeKey, nameOfKey } from "../core/key-names.ts";
import { keyId } from "../core/master-key.ts";
import type { KeysChange } from "../ops/keys-change.ts";

/** What `updatekeys` would do, for people. Files that get the same change share one entry. */
export function describePlan(changes: readonly KeysChange[]): string {
  const upToDate = changes.filter(({ changed }) => !changed);
  const byChange = Map.groupBy(
    changes.filter(({ changed }) => changed),
    (change) => changeLines(change).join("\n"),
  );
  const entries = [...byChange].map(([lines, files]) => [
    ...heading(files),
    ...lines.split("\n"),
    ...exposedIn(files),
  ]);
  return [...entries.map((lines) => lines.join("\n  ")), ...describeUpToDate(upToDate)].join("\n");
}

/** The same as data: `names` has those of the keys that are named. */
export function planAsJson(changes: readonly KeysChange[]): unknown {
  return changes.map(({ names, ...change }) => ({
    ...change,
    names: Object.fromEntries(
      [...change.before, ...change.after].flat().flatMap((key) => {
        const name = nameOfKey(key, names);
        return name === undefined ? [] : [[keyId(key), name]];
      }),
    ),
  }));
}

function heading(files: readonly KeysChange[]): readonly string[] {
  const [first] = files;
  if (first !== undefined && files.length === 1) return [first.file];
  return [`${files.length} files`, ...files.map(({ file }) => file)];
}

function changeLines(change: KeysChange): readonly string[] {
  const { names, shutOut } = change;
  const lines = [
    ...change.added.map((key) => `+ ${describeKey(key, names)}`),
    ...change.removed.map((key) => `- ${describeKey(key, names)}`),
  ];
  if (change.thresholdBefore !== change.thresholdAfter) {
    lines.push(`groups needed: ${change.thresholdBefore} -> ${change.thresholdAfter}`);
  }
  if (lines.length === 0) lines.push("the same recipients in other groups");
  if (change.rekey) {
    const reason = shutOut.length > 0 ? "a recipient is removed" : "more groups are needed to open it";
    lines.push(`new data key, because ${reason}`);
  }
  return lines;
}

function exposedIn(files: readonly KeysChange[]): readonly string[] {
  const exposed = files.flatMap(({ file, exposed }) =>
    exposed.map((path) => `  ${files.length === 1 ? "" : `${file} `}${path}`),
  );
  if (exposed.length === 0) return [];
  const who = files[0]?.shutOut.length === 1 ? "the removed recipient" : "the removed recipients";
  return [`${who} could read these, so change the credentials themselves:`, ...exposed];
}

// After a run over a repository the files that need nothing are no news.
function describeUpToDate(changes: readonly KeysChange[]): readonly string[] {
  if (changes.length > 3) return [`${changes.length} files: up to date`];
  return changes.map(({ file }) => `${file}: up to date`);
}
