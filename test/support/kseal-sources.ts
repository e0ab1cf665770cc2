import module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Taking the types off a hundred files costs three times what kseal itself does, and a test run starts it a thousand
// times.
module.enableCompileCache(join(tmpdir(), "kseal-test-compile-cache"));
await import("../../src/cli/main.ts");
