import type { Host } from "../core/ports.ts";

const patienceInMilliseconds = 1000;

/**
 * Shows how far a run over many files is, on a terminal and only when it takes longer than a second.
 *
 * @param noun - What is counted.
 * @returns To be told after each of them.
 */
export function progressOn(host: Host, noun = "files"): (done: number, total: number) => void {
  const start = host.now();
  return (done, total) => {
    // Asked last: most runs end before it matters, and finding out about a terminal takes longer than they do.
    if (host.now() - start < patienceInMilliseconds || !isWatched(host)) return;
    // The line is overwritten each time, and removed at the end.
    host.writeStderr(done === total ? "\r\x1b[K" : `\r${done} of ${total} ${noun}\x1b[K`);
  };
}

function isWatched(host: Host): boolean {
  return host.env["CI"] === undefined && host.terminal.stderrIsTerminal;
}
