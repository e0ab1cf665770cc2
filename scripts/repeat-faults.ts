import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, removeFolder } from "../test/support/folders.ts";

interface TestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const root = join(import.meta.dirname, "..");

/**
 * Runs the tests of the controller's faults again and again, each time against new clusters, and prints a line for each
 * run: what fails one time in ten is found only so.
 *
 * @returns Whether all runs passed.
 */
export async function repeatFaults(times: number): Promise<boolean> {
  const folder = makeFolder();
  let passed = 0;
  try {
    for (let run = 1; run <= times; run += 1) {
      const began = Date.now();
      const { numPassedTests, numFailedTests, testResults } = await runOnce(join(folder, `${run}.json`));
      const seconds = Math.round((Date.now() - began) / 1000);
      console.log(
        `faults, run ${run} of ${times}: ${numPassedTests} passed, ${numFailedTests} failed, ${seconds} s`,
      );
      const failures = failuresOf(testResults);
      for (const failure of failures) console.log(`  ${failure}`);
      if (failures.length === 0) passed += 1;
    }
  } finally {
    removeFolder(folder);
  }
  console.log(`faults: ${passed} of ${times} runs passed`);
  return passed === times;
}

async function runOnce(report: string): Promise<TestReport> {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  // All files at the same time: most of it is waiting.
  const args = [
    "run",
    "test/controller/faults",
    "--maxWorkers=4",
    "--reporter=json",
    `--outputFile=${report}`,
  ];
  const child = spawn(process.execPath, [vitest, ...args], {
    cwd: root,
    // Faults last as long as they are to; and a peer that is missing would make tests that test nothing.
    env: { ...process.env, SLOW: "1", KSEAL_REQUIRE_PEERS: "1" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await once(child, "close");
  return JSON.parse(readFileSync(report, "utf8")) as TestReport;
}

function failuresOf(results: TestReport["testResults"]): readonly string[] {
  return results.flatMap(({ message, assertionResults }) => {
    const failed = assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName, failureMessages: [first = ""] }) => `${fullName}: ${first.split("\n", 1)[0]}`);
    return failed.length === 0 && message !== "" ? [message.split("\n", 1)[0] ?? ""] : failed;
  });
}
