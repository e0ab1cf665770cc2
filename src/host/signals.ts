import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";

/** The signals that end a program from outside and can be caught. */
const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

type EndingSignal = (typeof endingSignals)[number];

interface ForegroundChild {
  readonly process: ChildProcess;
  /** Whether Ctrl+C on the terminal reaches the child without our help. */
  readonly hearsTerminal: boolean;
  /** Whether it starts programs of its own that shall get a signal too: they are in kseal's group of processes. */
  readonly hasHelpers: boolean;
}

// A process has one set of signal handlers, so this state is the process's own and no host's.
const cleanups = new Set<() => void>();
const children = new Set<ForegroundChild>();
let isListening = false;
/** What has gone to the group already: it comes back here. */
const forwarded = new Set<EndingSignal>();

/** Runs `cleanup` when the process ends, by a signal too. Returns a function that takes it off again. */
export function addCleanup(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  listen();
  return () => {
    cleanups.delete(cleanup);
    listen();
  };
}

/**
 * Lets a child in the foreground decide about signals while it runs: an editor takes Ctrl+C for itself, a server ends
 * in its own time, and kseal has to outlive both to clean up and to pass on the exit status.
 */
export function addForegroundChild(child: ForegroundChild): () => void {
  children.add(child);
  listen();
  return () => {
    children.delete(child);
    forwarded.clear();
    listen();
  };
}

/** Listens exactly while somebody needs it: without listeners the system ends the process by itself. */
function listen(): void {
  const wanted = cleanups.size > 0 || children.size > 0;
  if (wanted === isListening) {
    return;
  }
  isListening = wanted;
  for (const signal of endingSignals) {
    process[wanted ? "on" : "off"](signal, onSignal);
  }
  process[wanted ? "on" : "off"]("exit", cleanUp);
}

function onSignal(signal: EndingSignal): void {
  if (children.size === 0) {
    end(signal);
    return;
  }
  for (const child of children) {
    // The terminal signals the whole group; twice would mean "at once, unfinished" to many programs.
    const isFromTerminal = child.hearsTerminal && (signal === "SIGINT" || signal === "SIGQUIT");
    if (!isFromTerminal) {
      child.process.kill(signal);
      if (child.hasHelpers) {
        forwardToGroup(signal);
      }
    }
  }
}

/**
 * Signals the whole group once, if kseal is its leader, as it is under Argo CD and under a shell with job control: the
 * programs that a child has started are not ours to find.
 */
function forwardToGroup(signal: EndingSignal): void {
  if (forwarded.has(signal) || !leadsGroup()) {
    return;
  }
  forwarded.add(signal);
  process.kill(-process.pid, signal);
}

function leadsGroup(): boolean {
  // Of process 1 the negative number would mean every process there is.
  if (process.platform !== "linux" || process.pid === 1) {
    return false;
  }
  try {
    // `pid (name) state parent group ...`, and the name may hold anything.
    const stat = readFileSync("/proc/self/stat", "utf8");
    return Number(stat.slice(stat.lastIndexOf(")")).split(" ")[3]) === process.pid;
  } catch {
    return false;
  }
}

/** Ends as the signal would have, so that a shell sees it. */
function end(signal: EndingSignal): void {
  cleanUp();
  for (const each of endingSignals) {
    process.off(each, onSignal);
  }
  if (process.platform === "win32") {
    process.exit(128 + process.getBuiltinModule("node:os").constants.signals[signal]);
  }
  process.kill(process.pid, signal);
}

function cleanUp(): void {
  for (const cleanup of cleanups) {
    cleanups.delete(cleanup);
    cleanup();
  }
}
