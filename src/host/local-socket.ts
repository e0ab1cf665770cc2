import { lstatSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { writeError } from "./file-errors.ts";
import type { Machine } from "./machine.ts";

/** Longer lines are nobody's work: the connection ends. UTF-16 units. */
const longestLine = 1024 * 1024;
/** The other end is a process of the same machine that does next to nothing. */
const patienceMs = 5000;

/**
 * Answers every line that comes over a socket with one line.
 *
 * @param path - In a folder that only this user can enter: whoever reaches the socket is answered.
 * @returns How to stop: open connections end, and the socket goes away.
 * @throws KsealError `OUTPUT_UNWRITABLE`
 */
export async function serveLines(
  path: string,
  answer: (line: string) => string,
): Promise<() => Promise<void>> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    // A client that went away is none of the others' business.
    socket.on("error", () => socket.destroy());
    onLines(socket, (line) => socket.write(`${answer(line)}\n`));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(writeError(path, cause)));
    server.listen(path, resolve);
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
}

/**
 * Sends a line to a socket and waits for the line that is answered.
 *
 * @returns `undefined` when nobody answers, or when others than this user can reach the folder of the socket: what comes
 *   from there could be anybody's, and what goes there too.
 */
export function askLine(machine: Machine, path: string, line: string): Promise<string | undefined> {
  if (!isPrivate(dirname(path), machine.userId)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answer: string | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(patienceMs, () => end(undefined));
    socket.on("error", () => end(undefined));
    socket.on("close", () => resolve(undefined));
    onLines(socket, end);
    socket.write(`${line}\n`);
  });
}

function onLines(socket: Socket, take: (line: string) => void): void {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      take(line);
    }
    if (text.length > longestLine) socket.destroy();
  });
}

function isPrivate(folder: string, userId: number | undefined): boolean {
  try {
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === userId && (found.mode & 0o077) === 0;
  } catch {
    return false;
  }
}
