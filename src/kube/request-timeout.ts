import { KsealError } from "../errors.ts";

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * The limit that `--request-timeout` sets: a number of seconds, or numbers with units (`30s`, `1m30s`).
 *
 * @returns Milliseconds; `undefined` for no limit, which is what `0` says too.
 * @throws KsealError `USAGE`.
 */
export function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const parts = [...text.matchAll(/(?<count>\d+(?:\.\d+)?|\.\d+)(?<unit>ms|s|m|h)/g)];
  const isPlain = /^\d+$/.test(text);
  if (!isPlain && (parts.length === 0 || parts.map(([part]) => part).join("") !== text)) {
    throw new KsealError("USAGE", "--request-timeout is no time: 30, 30s or 2m", {
      hint: "0 stands for no limit",
    });
  }
  const ms = isPlain
    ? Number(text) * 1000
    : parts.reduce(
        (sum, { groups }) => sum + Number(groups?.["count"]) * (units[groups?.["unit"] ?? ""] ?? 0),
        0,
      );
  // A timer of the runtime takes no more than 24 days.
  return ms === 0 ? undefined : Math.min(ms, 2 ** 31 - 1);
}
