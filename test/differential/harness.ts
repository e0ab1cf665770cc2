import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeFolder, readFolder, removeFolder } from "../support/folders.ts";
import { identities, identityEnvironment, recipients, vectorsFolder } from "../support/identities.ts";
import { ksealAsSops } from "../support/kseal-command.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { peer } from "../support/peers.ts";
import { type ProgramResult, runProgram } from "../support/run-program.ts";
import { type Artifact, differenceBetween, formatOf, isEncrypted } from "./compare.ts";
import { type Deviation, fillIn, parseStep, type Scenario, type Step } from "./scenario.ts";

/** The words that start a program, or kseal in this very process. */
type Tool = readonly [string, ...string[]] | "kseal";

interface Outcome {
  readonly results: readonly ProgramResult[];
  readonly before: Map<string, Buffer>;
  readonly after: Map<string, Buffer>;
}

const sops = peer("sops");
// Starting Node takes longer than most commands: only what is about processes gets one of its own.
const isPackaged = process.env["KSEAL_UNDER_TEST"] !== undefined;

const variables = {
  R1: recipients[0] ?? "",
  R2: recipients[1] ?? "",
  R3: recipients[2] ?? "",
  R4: recipients[3] ?? "",
  I1: identities[0] ?? "",
  I3: identities[2] ?? "",
  VECTORS: vectorsFolder,
  SSH_ED25519: readPublicKey("id_ed25519"),
  SSH_RSA: readPublicKey("id_rsa"),
};

/** What scenarios find besides files: servers and programs, made once for all of a title. */
export interface World {
  /** Added to the environment of every step. */
  readonly env: Readonly<Record<string, string>>;
  /** Filled in, besides the recipients. */
  readonly variables: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

interface Place {
  readonly folder: string;
  readonly world: Pick<World, "env" | "variables">;
}

const emptyWorld: World = { env: {}, variables: {}, close: async () => {} };

/** Runs scenarios with the real `sops` and with `kseal sops`, two at a time, and compares everything they leave. */
export function compareWithSops(
  title: string,
  scenarios: readonly Scenario[],
  makeWorld: () => Promise<World> = async () => emptyWorld,
): void {
  describe.skipIf(sops === undefined)(title, () => {
    const program = sops ?? "";
    const root = makeFolder();
    let world = emptyWorld;
    beforeAll(async () => {
      world = await makeWorld();
    }, 60_000);
    afterAll(async () => {
      await world.close();
      removeFolder(root);
    }, 60_000);

    const numbered = scenarios.map((scenario, index) => ({ title: titleOf(scenario), index, scenario }));
    test.concurrent.for(numbered)("$title", async ({ index, scenario }) => {
      const place = { folder: join(root, String(index)), world };
      await oneOfTwo(() => runScenario(scenario, place, program));
    });
  });
}

function titleOf({ name, deviation }: Scenario): string {
  return deviation === undefined ? name : `${deviation.decision}: ${name}`;
}

async function runScenario(scenario: Scenario, place: Place, program: string): Promise<void> {
  const template = await prepare(scenario, place, program);
  const kseal = isPackaged || scenario.ownProcess ? ksealAsSops() : "kseal";
  const [theirs, ours] = await Promise.all([
    runIn([program], scenario.run, { ...place, name: "sops", template }),
    runIn(kseal, scenario.run, { ...place, name: "kseal", template }),
  ]);
  const differences = [
    ...(await compareResults(scenario, theirs, ours)),
    ...(await compareFiles(scenario, theirs, ours)),
  ];
  if (scenario.deviation === undefined) {
    differences.push(...(await compareMeaning(scenario, { place, program, kseal, theirs, ours })));
    if (differences.length > 0) throw new Error(`${differences.join("\n")}\n${said(ours)}`);
  } else {
    const { decision, leak } = scenario.deviation;
    if (leak !== undefined) {
      expect(theirs.results.at(-1)?.stderr).toMatch(leak);
      expect(ours.results.at(-1)?.stderr).not.toMatch(leak);
    }
    // What comes later fails in the real sops too where there is no network.
    else if (decision !== "later")
      expect(differences, "kseal does what sops does: no deviation").not.toEqual([]);
    checkDeviation(scenario.deviation, ours);
  }
}

async function prepare(scenario: Scenario, place: Place, program: string): Promise<string> {
  const { folder, world } = place;
  const template = join(folder, "template");
  for (const name of ["template", "home"]) mkdirSync(join(folder, name), { recursive: true });
  for (const [path, content] of Object.entries(scenario.files ?? {})) {
    mkdirSync(dirname(join(template, path)), { recursive: true });
    writeFileSync(
      join(template, path),
      typeof content === "string" ? fillIn(content, { ...variables, ...world.variables }) : content,
    );
  }

  for (const step of scenario.prepare ?? []) {
    const result = await runStep([program], step, { ...place, cwd: template });
    if (result.status !== 0) throw new Error(`cannot prepare "${scenario.name}": ${result.stderr}`);
  }
  if (scenario.damage) {
    const files = new Map([...readFolder(template)].map(([name, bytes]) => [name, bytes.toString("latin1")]));
    scenario.damage(files);
    for (const [name, text] of files) writeFileSync(join(template, name), Buffer.from(text, "latin1"));
  }
  return template;
}

async function runIn(
  tool: Tool,
  steps: readonly Step[],
  { name, template, ...place }: Place & { name: string; template: string },
): Promise<Outcome> {
  const cwd = join(place.folder, name);
  cpSync(template, cwd, { recursive: true });
  const before = readFolder(cwd);
  const results: ProgramResult[] = [];
  for (const step of steps) results.push(await runStep(tool, step, { ...place, cwd }));
  return { results, before, after: readFolder(cwd) };
}

async function runStep(
  tool: Tool,
  step: Step,
  { folder, world, cwd }: Place & { cwd: string },
): Promise<ProgramResult> {
  const known = { ...variables, ...world.variables };
  const { args, into, stdinFile, env, ...rest } = parseStep(step, known);
  const stdin = stdinFile === undefined ? rest.stdin : readFileSync(join(cwd, stdinFile));
  const merged = { ...identityEnvironment(join(folder, "home")), ...world.env, ...env };
  const options = {
    cwd,
    env: Object.fromEntries(
      Object.entries(merged).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, fillIn(value, known)]],
      ),
    ),
    ...(stdin === undefined ? {} : { stdin }),
  };
  const result =
    tool === "kseal"
      ? await runInProcess(["sops", ...args], options)
      : await runProgram([...tool, ...args], options);
  // Paths of the folder are the one thing in which the twins differ.
  const stdout = Buffer.from(result.stdout.toString("latin1").replaceAll(cwd, "<folder>"), "latin1");
  if (into !== undefined) writeFileSync(join(cwd, into), result.stdout);
  return { ...result, stdout: into === undefined ? stdout : Buffer.alloc(0) };
}

async function compareResults(scenario: Scenario, theirs: Outcome, ours: Outcome): Promise<string[]> {
  const differences: (string | undefined)[] = [];
  for (const [index, step] of scenario.run.entries()) {
    const line = typeof step === "string" ? step : step.line;
    const [expected, actual] = [theirs.results[index], ours.results[index]];
    if (expected === undefined || actual === undefined) throw new Error(`${line} did not run`);
    if (expected.status !== actual.status) {
      const statuses = `${line}: sops exits ${expected.status}, kseal ${actual.status}`;
      differences.push(`${statuses}\n--- sops\n${expected.stderr}\n--- kseal\n${actual.stderr}`);
    }
    if (scenario.ownWords) continue;
    differences.push(
      await differenceBetween(
        { name: `${line}: standard output`, bytes: expected.stdout },
        { name: "", bytes: actual.stdout },
        scenario.yaml ?? "bytes",
      ),
    );
  }
  return differences.filter((difference) => difference !== undefined);
}

async function compareFiles(scenario: Scenario, theirs: Outcome, ours: Outcome): Promise<string[]> {
  const differences: (string | undefined)[] = [];
  for (const name of new Set([...theirs.after.keys(), ...ours.after.keys()])) {
    const [expected, actual] = [theirs.after.get(name), ours.after.get(name)];
    if (expected === undefined || actual === undefined) {
      differences.push(`${name}: only ${expected === undefined ? "kseal" : "sops"} leaves it`);
    } else {
      const comparison = /\.ya?ml$/.test(name) ? (scenario.yaml ?? "bytes") : "bytes";
      differences.push(
        await differenceBetween({ name, bytes: expected }, { name, bytes: actual }, comparison),
      );
    }
  }
  return differences.filter((difference) => difference !== undefined);
}

/** Decrypts what each tool encrypted with the other one. */
async function compareMeaning(
  scenario: Scenario,
  run: { place: Place; program: string; kseal: Tool; theirs: Outcome; ours: Outcome },
): Promise<string[]> {
  const differences: string[] = [];
  const ours = encryptedArtifacts(run.ours);
  for (const [index, theirs] of encryptedArtifacts(run.theirs).entries()) {
    const mine = ours[index];
    if (mine === undefined) continue;
    const format = formatOf(theirs.bytes);
    const line = `decrypt --input-type ${format} --output-type ${format}`;
    const place = { ...run.place, cwd: run.place.folder };
    const [byKseal, bySops] = await Promise.all([
      runStep(run.kseal, { line, stdin: theirs.bytes }, place),
      runStep([run.program], { line, stdin: mine.bytes }, place),
    ]);
    if (byKseal.status !== bySops.status) {
      differences.push(
        `${theirs.name}: kseal opens it with ${byKseal.status}, sops with ${bySops.status}\n${byKseal.stderr}${bySops.stderr}`,
      );
    }
    const difference = await differenceBetween(
      { name: `${theirs.name} decrypted by the other tool`, bytes: bySops.stdout },
      { name: "", bytes: byKseal.stdout },
      format === "yaml" ? "tree" : (scenario.yaml ?? "bytes"),
    );
    if (difference !== undefined) differences.push(difference);
  }
  return differences;
}

function encryptedArtifacts({ results, before, after }: Outcome): readonly Artifact[] {
  const files = [...after]
    .filter(([name, bytes]) => before.get(name)?.equals(bytes) !== true)
    .map(([name, bytes]) => ({ name, bytes }));
  const outputs = results.map(({ stdout }, index) => ({ name: `output ${index + 1}`, bytes: stdout }));
  return [...files, ...outputs].filter(({ bytes }) => isEncrypted(bytes));
}

function checkDeviation(deviation: Deviation, ours: Outcome): void {
  const last = ours.results.at(-1);
  const { status, stdout, stderr, untouched, files } = deviation;
  if (status !== undefined) expect(last?.status, said(ours)).toBe(status);
  if (typeof stdout === "string") expect(last?.stdout.toString("utf8"), said(ours)).toBe(stdout);
  if (stdout instanceof RegExp) expect(last?.stdout.toString("utf8"), said(ours)).toMatch(stdout);
  if (stderr !== undefined) expect(last?.stderr).toMatch(stderr);
  if (untouched) expect(ours.after).toEqual(ours.before);
  for (const [name, pattern] of Object.entries(files ?? {})) {
    expect(ours.after.get(name)?.toString("utf8"), said(ours)).toMatch(pattern);
  }
}

function said({ results }: Outcome): string {
  return results.map(({ status, stderr }) => `kseal exits ${status}: ${stderr}`).join("\n");
}

function readPublicKey(name: string): string {
  return readFileSync(join(vectorsFolder, "ssh", `${name}.pub`), "utf8")
    .split(" ")
    .slice(0, 2)
    .join(" ");
}

// Both cores are busy with one scenario each; more at a time only makes every single one slower.
let running: Promise<unknown>[] = [];
async function oneOfTwo(work: () => Promise<void>): Promise<void> {
  while (running.length >= 2) await Promise.race(running);
  const mine = work();
  const settled = mine.then(
    () => {},
    () => {},
  );
  running.push(settled);
  try {
    await mine;
  } finally {
    running = running.filter((one) => one !== settled);
  }
}
