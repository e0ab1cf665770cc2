import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { renderLegacy, renderResourceList } from "../ops/render.ts";
import type { RenderOptions } from "../ops/render-documents.ts";
import { problemsOf } from "../ops/render-problems.ts";
import { type OutsideRoot, outsideVariable } from "../ops/render-root.ts";
import { createContext } from "../wiring.ts";
import { Output } from "./output.ts";

/** One run as a plugin of Kustomize, or of Helm. */
export interface RenderCall {
  /** The program that kseal is called as. */
  readonly as: "kseal" | "ksops";
  /** The file with a generator's document; a ResourceList comes over standard input when there is none. */
  readonly file: string | undefined;
  /** A stream of manifests comes over standard input. */
  readonly isPostRenderer?: boolean;
  readonly strict?: boolean;
  readonly placeholder?: boolean;
  readonly allowOutsideRoot?: boolean;
  readonly keys?: readonly string[];
  readonly limit?: number;
  readonly config?: string | undefined;
  /** What came over standard input, when it was read already. */
  readonly input?: Uint8Array;
}

/** KSOPS' own, which its documentation promises. */
const filesAtATime = 20;

/**
 * Renders, and writes everything or nothing to standard output. Of what goes wrong each problem stands on a line of its
 * own on standard error: Kustomize shows that, and nothing else.
 *
 * @returns The exit status: 1 for every failure of `ksops`.
 */
export async function runRender(call: RenderCall, host: Host): Promise<number> {
  const output = new Output(host, { format: "text", name: call.as });
  try {
    const context = await createContext(host, {
      log: output,
      configPath: call.config,
      configFrom: call.as === "ksops" ? "working-folder" : "file",
    });
    const options = optionsOf(call, host);
    await host.writeStdout(await renderInput(call, options, host, context));
    return 0;
  } catch (error) {
    if (!(error instanceof KsealError)) return output.failure(error);
    sayProblems(error, call.as, host);
    return call.as === "ksops" && error.code !== "INTERRUPTED" ? 1 : error.exitCode;
  }
}

async function renderInput(
  call: RenderCall,
  options: RenderOptions,
  host: Host,
  context: Awaited<ReturnType<typeof createContext>>,
): Promise<string> {
  if (call.isPostRenderer) {
    const { renderStream } = await import("../ops/render-stream.ts");
    return await renderStream(await host.readStdin(), options, context);
  }
  if (call.file === undefined) {
    return await renderResourceList(call.input ?? (await host.readStdin()), options, context);
  }
  const document = { file: call.file, bytes: await host.readFile(call.file, { limit: 16 * 1024 * 1024 }) };
  // Kustomize always gives a plugin a standard input; elsewhere one that never ends would be waited for.
  const isFromKustomize = host.env["KUSTOMIZE_PLUGIN_CONFIG_ROOT"] !== undefined;
  const resources =
    isFromKustomize && !host.terminal.stdinIsTerminal ? await host.readStdin() : new Uint8Array();
  return await renderLegacy(document, resources, options, context);
}

function optionsOf(call: RenderCall, host: Host): RenderOptions {
  return {
    root: { folder: host.cwd, outside: outsideOf(call, host) },
    strict: call.strict === true || isOn(host, "KSEAL_STRICT"),
    placeholder: call.placeholder === true || isOn(host, "KSEAL_PLACEHOLDER"),
    keys: call.keys ?? [],
    style: call.as,
    limit: call.limit ?? filesAtATime,
  };
}

/** KSOPS reads what it is told to; kseal does not, unless the user says so. */
function outsideOf({ as, allowOutsideRoot }: RenderCall, { env }: Host): OutsideRoot {
  const said = env[outsideVariable] ?? "";
  if (said !== "" && said !== "allow" && said !== "refuse") {
    throw new KsealError("USAGE", `${outsideVariable} is neither allow nor refuse`);
  }
  if (allowOutsideRoot || said === "allow") return "allow";
  return as === "ksops" && said === "" ? "warn" : "refuse";
}

function isOn({ env }: Host, name: string): boolean {
  const value = env[name] ?? "";
  return value !== "" && value !== "0" && value !== "false";
}

function sayProblems(error: KsealError, name: string, host: Host): void {
  const problems = problemsOf(error);
  const hints = new Set<string>();
  for (const { where, message, hint } of problems) {
    const position = [where?.file, where?.line].filter((part) => part !== undefined).join(":");
    const place = [position, where?.path ?? ""].filter((part) => part !== "").join(" ");
    host.writeStderr(`${name}: ${place === "" ? "" : `${place}: `}${oneLine(message)}\n`);
    if (hint !== undefined) hints.add(hint);
  }
  for (const hint of hints) host.writeStderr(`  ${hint.replaceAll("\n", "\n  ")}\n`);
}

/** Several attempts stand on lines of their own elsewhere. */
function oneLine(message: string): string {
  return message.replaceAll(/:?\n\s*/g, (lines) => (lines.startsWith(":") ? ": " : "; "));
}
