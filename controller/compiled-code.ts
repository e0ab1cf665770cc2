import type Module from "node:module";
import { Script } from "node:vm";

/** How Node runs the text of a CommonJS module. Not documented, but it has been there since the beginning. */
type Compile = (this: Module, text: string, path: string, ...rest: unknown[]) => unknown;

/** Where the compiled code of a module of the bundle lies, for this Node. @param path - Of the module. */
export function compiledPath(path: string): string {
  return `${path}.${process.version}-${process.arch}`;
}

/**
 * Takes over how the modules beside this one are compiled.
 *
 * @param compiled - The code of a module as V8 wrote it down for the same text, where there is some. V8 refuses what
 *   another build of it wrote, and compiles as ever.
 * @param onCompiled - Told of each module before it runs.
 */
export function compileWith(
  compiled: (path: string) => Buffer | undefined,
  onCompiled?: (path: string, script: Script) => void,
): void {
  const { Module } = process.getBuiltinModule("node:module");
  const prototype: { _compile?: Compile } = Module.prototype as object;
  const compile = prototype._compile;
  // Without it everything works as before, and starts later.
  if (typeof compile !== "function") return;
  prototype._compile = function (text, path, ...rest) {
    if (!path.startsWith(__dirname)) return compile.call(this, text, path, ...rest);
    const cachedData = compiled(path);
    // As Node wraps it.
    const wrapped = `(function(exports,require,module,__filename,__dirname){${text}\n})`;
    const script = new Script(wrapped, { filename: path, ...(cachedData && { cachedData }) });
    onCompiled?.(path, script);
    const require = (id: string): unknown => this.require(id);
    return script.runInThisContext()(this.exports, require, this, path, __dirname);
  };
}
