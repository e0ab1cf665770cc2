import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { KsealError } from "../errors.ts";
import { errorName } from "./file-errors.ts";
import type { Machine } from "./machine.ts";
import { ownFolder } from "./own-folder.ts";
import { ageOf, hasEnded, ownIdentity } from "./process-identity.ts";

/** Longer than any edit by a program takes; a person may sit at a prompt meanwhile. */
const patience = 2 * 60 * 1000;

let lastClaim = 0;

/**
 * Runs `work` while no other kseal of this user works on the same thing.
 *
 * Each process that wants the lock puts down a claim, an empty file named after the process, and then looks who
 * else has. Who sees no other claim holds the lock. Of two that saw each other the one whose name sorts
 * first keeps its claim and waits, the other takes its claim back. Claims of dead processes count for nothing and
 * anybody removes them: no name is ever used twice, so nobody removes a living claim by mistake.
 *
 * @param thing - What is locked, such as a real path. Its hash is the name.
 * @param shown - What to call it in messages.
 */
export async function withLock<T>(
  machine: Machine,
  thing: string,
  shown: string,
  work: () => Promise<T>,
): Promise<T> {
  const hash = createHash("sha256").update(thing).digest("hex").slice(0, 32);
  const folder = join(ownFolder(machine, "locks"), hash);
  lastClaim += 1;
  const claim = `${ownIdentity(machine.hostName)}.${lastClaim}`;
  await take({ machine, folder, claim, shown });
  try {
    return await work();
  } finally {
    remove(folder, claim);
  }
}

interface Claim {
  readonly machine: Machine;
  /** The folder of all claims on this thing. */
  readonly folder: string;
  readonly claim: string;
  readonly shown: string;
}

async function take(wanted: Claim): Promise<void> {
  const end = performance.now() + patience;
  let isClaimed = false;
  for (let pause = 1; performance.now() < end; pause = Math.min(pause * 2, 50)) {
    if (!isClaimed && others(wanted).length === 0) {
      isClaimed = putDown(wanted);
    }
    if (isClaimed) {
      const rivals = others(wanted);
      if (rivals.length === 0) {
        return;
      }
      if (rivals.some((rival) => rival < wanted.claim)) {
        remove(wanted.folder, wanted.claim);
        isClaimed = false;
      }
    }
    // Two that keep meeting must not do so in step.
    await setTimeout(pause * (0.5 + Math.random()));
  }
  remove(wanted.folder, wanted.claim);
  throw new KsealError("OUTPUT_UNWRITABLE", `another kseal keeps working on ${wanted.shown}`, {
    hint: `wait for it, or end it: process ${others(wanted)[0]?.split("-")[1] ?? "unknown"}`,
  });
}

function putDown({ folder, claim }: Claim): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, claim), "", { mode: 0o600, flag: "wx" });
    return true;
  } catch (error) {
    // Who gave the lock back removed the folder in between.
    if (errorName(error) === "ENOENT") {
      return false;
    }
    throw error;
  }
}

/** The living claims of others on the same thing. */
function others({ machine, folder, claim }: Claim): readonly string[] {
  return claimsIn(folder).filter((name) => {
    if (name === claim) {
      return false;
    }
    if (hasEnded(name.split(".")[0] ?? "", machine.hostName, ageOf(join(folder, name)))) {
      remove(folder, name);
      return false;
    }
    return true;
  });
}

function claimsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errorName(error) === "ENOENT") {
      return [];
    }
    throw error;
  }
}

function remove(folder: string, claim: string): void {
  try {
    unlinkSync(join(folder, claim));
    rmdirSync(folder);
  } catch {
    // Somebody else removed it, or has a claim of their own in the folder.
  }
}
