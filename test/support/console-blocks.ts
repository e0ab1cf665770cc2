import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One command of a page, and what the page shows below it: standard output and standard error as they come. */
export interface ConsoleStep {
  readonly command: string;
  readonly output: readonly string[];
  /** What it ends with: the page says `# status N` behind the command when that is not 0. */
  readonly status: number;
}

/** The commands below one heading. */
export interface ConsoleSection {
  readonly heading: string;
  readonly steps: readonly ConsoleStep[];
}

/**
 * The commands of a page of the manual, in their order: what follows `$ ` in its `console` blocks, here-documents
 * included. Their output is left out.
 */
export function consoleCommands(page: string): readonly string[] {
  return consoleSections(page).flatMap(({ steps }) => steps.map(({ command }) => command));
}

/** The sections of a page that have commands, in their order. */
export function consoleSections(page: string): readonly ConsoleSection[] {
  const text = readFileSync(join(import.meta.dirname, "..", "..", "docs", page), "utf8");
  const sections: { heading: string; steps: ConsoleStep[] }[] = [];
  // A block as a whole, because comments in it look like headings.
  for (const [, heading, kind, block = ""] of text.matchAll(/^#+ (.*)$|^```(\w*)\n([\s\S]*?)^```$/gm)) {
    if (heading !== undefined) sections.push({ heading, steps: [] });
    else if (kind === "console") sections.at(-1)?.steps.push(...stepsIn(block.split("\n")));
  }
  return sections.filter(({ steps }) => steps.length > 0);
}

function stepsIn(lines: readonly string[]): readonly ConsoleStep[] {
  const steps: { command: string; output: string[]; status: number }[] = [];
  const rest = lines.slice(0, -1).values();
  for (const line of rest) {
    if (!line.startsWith("$ ")) {
      steps.at(-1)?.output.push(line);
      continue;
    }
    const status = Number(/ # status (\d+)$/.exec(line)?.[1] ?? 0);
    const command = [line.slice(2)];
    const end = /<<'?(\w+)'?$/.exec(line)?.[1];
    if (end !== undefined) {
      for (const body of rest) {
        command.push(body);
        if (body === end) break;
      }
    }
    steps.push({ command: command.join("\n"), output: [], status });
  }
  return steps;
}
