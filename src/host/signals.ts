import type { ChildProcess } from "node:child_process";

/** The signals that end a program from outside and can be caught. */
const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

type EndingSignal = (typeof endingSignals)[number];

interface ForegroundChild {
  readonly process: ChildProcess;
  /** Whether Ctrl+C on the terminal reaches the child without our help. */
  readonly hearsTerminal: boolean;
}

// A process has one set of signal handlers, so this state is the process's own and no host's.
const cleanups = new Set<() => void>();
const children = new Set<ForegroundChild>();
let isListening = false;

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
    }
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
