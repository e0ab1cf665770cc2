import type Module from "node:module";

/** How Node runs the text of a CommonJS module. Not documented, but it has been there since the beginning. */
type Compile = (this: Module, text: string, path: string, ...rest: unknown[]) => unknown;

const digestLength = 32;

const month = 30 * 24 * 60 * 60 * 1000;
const mostRemoved = 4;

/**
 * Keeps the compiled code of kseal's bundle from one run to the next.
 *
 * Node's own cache (`enableCompileCache`) writes a module down before it runs: without the functions inside, which
 * are compiled when they are first called, in every run again. Here the code is written down when a command is done,
 * with all that it called, so each command has files of its own:
 *
 *     SHA-256 of what follows, 32 bytes | code as V8 writes it
 *
 * V8 refuses what another version of it made, but runs what was damaged.
 *
 * @param folder - The one of this kseal and this Node among those of others. Nobody else may be able to write there:
 *   what it holds is run.
 * @returns To be called when the command has succeeded.
 */
export function keepCompiledCode(folder: string, command: string): () => void {
  const { Module } = process.getBuiltinModule("node:module");
  const prototype: { _compile?: Compile } = Module.prototype as object;
  const compile = prototype._compile;
  // Without it everything works as before, and slower.
  if (typeof compile !== "function") return () => undefined;
  const vm = process.getBuiltinModule("node:vm");
  const fs = process.getBuiltinModule("node:fs");
  const fresh = new Map<string, { createCachedData(): Buffer }>();

  prototype._compile = function (text, path, ...rest) {
    const name = path.slice(__dirname.length + 1);
    const isOurs = path.startsWith(__dirname) && /^[\w-]+\.cjs$/.test(name);
    if (!isOurs) return compile.call(this, text, path, ...rest);
    const file = `${folder}/${name}-${command}`;
    const cachedData = readIntact(fs, file);
    const options = { filename: path, ...(cachedData ? { cachedData } : {}) };
    // As Node wraps it: libraries in the bundle look for their own folder.
    const wrapped = `(function(exports,require,module,__filename,__dirname){${text}\n})`;
    const script = new vm.Script(wrapped, options);
    if (script.cachedDataRejected !== false) fresh.set(file, script);
    const require = (id: string): unknown => this.require(id);
    return script.runInThisContext()(this.exports, require, this, path, __dirname);
  };

  return () => {
    if (fresh.size === 0) return;
    try {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const [file, script] of fresh) {
        const part = `${file}.${process.pid}`;
        const code = script.createCachedData();
        fs.writeFileSync(part, Buffer.concat([digestOf(code), code]), { mode: 0o600 });
        fs.renameSync(part, file);
      }
      removeOthers(fs, folder);
    } catch {
      // A full disk or a read-only home only costs time.
    }
  };
}

/** Removes what other versions wrote a month ago and earlier: two that are in use by turns both keep theirs. */
function removeOthers(fs: typeof import("node:fs"), folder: string): void {
  const end = folder.lastIndexOf("/");
  const parent = folder.slice(0, end);
  const isOther = (name: string): boolean =>
    /^[\w.-]+-v[\d.]+-\w+$/.test(name) &&
    name !== folder.slice(end + 1) &&
    Date.now() - fs.lstatSync(`${parent}/${name}`).mtimeMs > month;
  for (const name of fs.readdirSync(parent).filter(isOther).slice(0, mostRemoved)) {
    fs.rmSync(`${parent}/${name}`, { recursive: true, force: true });
  }
}

function readIntact(fs: typeof import("node:fs"), file: string): Buffer | undefined {
  try {
    const bytes = fs.readFileSync(file);
    const code = bytes.subarray(digestLength);
    return digestOf(code).equals(bytes.subarray(0, digestLength)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(code: Buffer): Buffer {
  return process.getBuiltinModule("node:crypto").hash("sha256", code, "buffer");
}
