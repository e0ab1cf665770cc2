import { expect, test } from "vitest";
import { progressOn } from "../../src/cli/progress.ts";
import type { Host } from "../../src/core/ports.ts";

function host(options: { terminal: boolean; ci?: boolean }) {
  let time = 0;
  const written: string[] = [];
  const fake = {
    terminal: { stderrIsTerminal: options.terminal },
    env: options.ci ? { CI: "true" } : {},
    now: () => time,
    writeStderr: (text: string) => void written.push(text),
  } as unknown as Host;
  return { fake, written, pass: (milliseconds: number) => (time += milliseconds) };
}

test("progress is quiet for a second, then counts, and takes its line away at the end", () => {
  const { fake, written, pass } = host({ terminal: true });
  const progress = progressOn(fake);

  progress(1, 3);
  expect(written).toEqual([]);
  pass(1000);
  progress(2, 3);
  progress(3, 3);
  expect(written).toEqual(["\r2 of 3 files\x1b[K", "\r\x1b[K"]);
});

test("progress is for people: a pipe and CI get none", () => {
  for (const { fake, written, pass } of [host({ terminal: false }), host({ terminal: true, ci: true })]) {
    const progress = progressOn(fake);
    pass(1000);
    progress(2, 3);
    expect(written).toEqual([]);
  }
});
