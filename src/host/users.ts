import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { KsealError } from "../errors.ts";

/** A user of this system: what is needed to run a program as that user. */
export interface SystemUser {
  readonly name: string;
  readonly userId: number;
  readonly groupId: number;
  readonly home: string;
}

/**
 * Looks a user up by name, in `/etc/passwd` and then wherever the system keeps its users.
 *
 * @throws KsealError `USAGE` when there is none.
 */
export function findUser(name: string, findProgram: (name: string) => string | undefined): SystemUser {
  const found =
    parsePasswd(readPasswd(), name) ??
    parsePasswd(ask(findProgram("getent"), ["passwd", "--", name]), name) ??
    // macOS
    parsePasswd(ask(findProgram("id"), ["-P", name]), name);
  if (found === undefined) {
    throw new KsealError("USAGE", `there is no user ${name} on this system`);
  }
  return found;
}

/** `name:password:uid:gid:...:home:shell`; macOS has three fields more in the middle. */
function parsePasswd(text: string, name: string): SystemUser | undefined {
  for (const line of text.split("\n")) {
    const fields = line.split(":");
    const userId = Number(fields[2] || Number.NaN);
    const groupId = Number(fields[3] || Number.NaN);
    if (fields[0] === name && Number.isInteger(userId) && Number.isInteger(groupId)) {
      return { name, userId, groupId, home: fields.at(-2) || "/" };
    }
  }
  return undefined;
}

function readPasswd(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
}

function ask(program: string | undefined, args: readonly string[]): string {
  try {
    return program === undefined ? "" : execFileSync(program, args, { encoding: "utf8", stdio: "pipe" });
  } catch {
    return "";
  }
}
