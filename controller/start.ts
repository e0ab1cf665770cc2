import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { compiledPath, compileWith } from "./compiled-code.ts";

/* What the image starts: the controller, from the code that compile.ts wrote down beside it. */

/** Milliseconds in which everything that the start needs of Node is loaded. */
const loaded = 50;

compileWith(readCompiled);
void import("./main.ts");
// The heap then grows by little: there is not much to do once everything is unsealed. As a flag of the process it would
// have Node compile itself, as it does not take the code that was compiled for other flags.
setTimeout(() => setFlagsFromString("--optimize-for-size"), loaded).unref();

function readCompiled(path: string): Buffer | undefined {
  try {
    return readFileSync(compiledPath(path));
  } catch {
    // It is only sooner with it.
    return undefined;
  }
}
