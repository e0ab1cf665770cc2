import type { Host } from "../core/ports.ts";

// Masking these would black out every log, and nobody's secret is as short.
const shortest = 4;

/**
 * Tells GitHub Actions which texts never to show in the logs of the job, as it reads them on standard error: each line of a
 * value, because logs are masked line by line.
 *
 * @returns To be told each secret value; `undefined` outside of GitHub Actions.
 */
export function maskOnGithub(host: Host): ((value: string) => void) | undefined {
  if (host.env["GITHUB_ACTIONS"] !== "true") return undefined;
  const masked = new Set<string>();
  return (value) => {
    for (const line of value.split(/\r\n|\r|\n/)) {
      const text = line.trim();
      if (text.length < shortest || masked.has(text)) continue;
      masked.add(text);
      host.writeStderr(`::add-mask::${text.replaceAll("%", "%25")}\n`);
    }
  };
}
