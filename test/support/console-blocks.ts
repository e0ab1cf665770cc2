import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The commands of a page of the manual, in their order: what follows `$ ` in its `console` blocks, here-documents
 * included. Their output is left out.
 */
export function consoleCommands(page: string): readonly string[] {
  const text = readFileSync(join(import.meta.dirname, "..", "..", "docs", page), "utf8");
  const blocks = [...text.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? "");
  return blocks.flatMap((block) => commandsIn(block.split("\n")));
}

function commandsIn(lines: readonly string[]): readonly string[] {
  const commands: string[] = [];
  const rest = lines.values();
  for (const line of rest) {
    if (!line.startsWith("$ ")) continue;
    const command = [line.slice(2)];
    const end = /<<'?(\w+)'?$/.exec(line)?.[1];
    if (end !== undefined) {
      for (const body of rest) {
        command.push(body);
        if (body === end) break;
      }
    }
    commands.push(command.join("\n"));
  }
  return commands;
}
