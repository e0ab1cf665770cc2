import { writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import type { Script } from "node:vm";
import { compiledPath, compileWith } from "./compiled-code.ts";

/*
 * Writes down the compiled code of everything that the controller loads when it starts: `node compile.cjs`, once, by the
 * Node that is to run it. Node would compile it at each start again, function by function as they are called.
 */
const scripts = new Map<string, Script>();
compileWith(
  () => undefined,
  (path, script) => scripts.set(path, script),
);
// Every function, not only those that run first.
setFlagsFromString("--no-lazy");
process.argv[2] = "--version";
void import("./main.ts").then(() => {
  // V8 takes code only from the flags that it runs with.
  setFlagsFromString("--lazy");
  for (const [path, script] of scripts) writeFileSync(compiledPath(path), script.createCachedData());
});
