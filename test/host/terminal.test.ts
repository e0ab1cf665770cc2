import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { AnswerLine } from "../../src/host/answer-line.ts";
import { runScript, source } from "../support/child-process.ts";
import { peer } from "../support/peers.ts";

describe("a line that is typed", () => {
  test.for([
    ["plain text", "abc\r", "done", "abc", "abc"],
    ["a newline as its end", "abc\n", "done", "abc", "abc"],
    ["no more than the first line", "abc\rdef\r", "done", "abc", "abc"],
    ["backspace", "abx\u007fc\r", "done", "abc", "abx\b \bc"],
    ["backspace at the start", "\u007fa\r", "done", "a", "a"],
    ["Ctrl+U, which takes the whole line back", "xy\u0015a\r", "done", "a", "xy\b \b\b \ba"],
    ["no control characters", "a\u001b[Ab\r", "done", "a[Ab", "a[Ab"],
    ["emoji as one character", "😀\u007fa\r", "done", "a", "😀\b \ba"],
    ["Ctrl+C as an interruption", "abc\u0003", "interrupted", "abc", "abc"],
    ["Ctrl+D at the start as an interruption", "\u0004", "interrupted", "", ""],
    ["Ctrl+D elsewhere as nothing", "a\u0004b\r", "done", "ab", "ab"],
    ["a line without its end yet", "ab", undefined, "ab", "ab"],
  ] as const)("takes %s", ([, typed, end, text, echoed]) => {
    let echo = "";
    const line = new AnswerLine((shown) => {
      echo += shown;
    });

    expect([line.type(typed), line.text, echo]).toEqual([end, text, echoed]);
  });
});

const hasScript = spawnSync("script", ["--version"]).status === 0 && process.platform === "linux";

describe.skipIf(!hasScript)("on a real terminal", () => {
  /** Runs a program on a terminal of its own; standard input and output of it are the terminal's keys and screen. */
  function onTerminal(script: string, runtime: string = process.execPath) {
    const program = `import { createNodeHost } from ${source("host/node-host.ts")}; const host = createNodeHost(); ${script}`;
    const command = `"$RUNTIME" $TYPE --eval "$PROGRAM" < /dev/null; stty -a | grep -o ' -\\?echo ' ; echo "status $?"`;
    return runScript(
      `const { spawn } = await import("node:child_process");
       const child = spawn("script", ["-qec", process.env.COMMAND, "/dev/null"], { stdio: "inherit" });
       child.on("close", (code) => process.exit(code));`,
      {
        env: {
          ...process.env,
          RUNTIME: runtime,
          TYPE: runtime === process.execPath ? "--input-type=module-typescript" : "",
          PROGRAM: program,
          COMMAND: command,
        },
      },
    );
  }

  test("a hidden answer is not echoed, also when standard input is something else", async () => {
    const child = onTerminal(
      `const answer = await host.terminal.ask("passphrase: ", { hidden: true }); console.log("length " + answer.length);`,
    );
    await child.waitFor("passphrase: ");
    child.process.stdin.write("s3cret\r");
    const screen = await child.waitFor("status");

    expect(screen).toContain("length 6");
    expect(screen).not.toContain("s3cret");
    expect(screen).toContain(" echo ");
  });

  test.skipIf(!peer("bun"))("the executable's runtime ends after an answer", async () => {
    const child = onTerminal(
      `console.log("answer <" + (await host.terminal.ask("name: ")) + ">");`,
      peer("bun"),
    );
    await child.waitFor("name: ");
    child.process.stdin.write("kim\r");

    expect(await child.waitFor("status")).toContain("answer <kim>");
  });

  test("an answer can be asked for without stty, as on Windows", async () => {
    const child = onTerminal(
      `host.terminal.stdinIsTerminal; process.env.PATH = "/nowhere"; console.log("answer <" + (await host.terminal.ask("name: ")) + ">");`,
    );
    await child.waitFor("name: ");
    child.process.stdin.write("kim\r");

    expect(await child.waitFor("status")).toMatch(/name: kim\r?\n[\s\S]*answer <kim>[\s\S]* echo /);
  });

  test("an answer that is not hidden is echoed", async () => {
    const child = onTerminal(`console.log("answer <" + (await host.terminal.ask("name: ")) + ">");`);
    await child.waitFor("name: ");
    child.process.stdin.write("kim\r");

    expect(await child.waitFor("status")).toMatch(/name: kim\r?\n[\s\S]*answer <kim>/);
  });

  test("Ctrl+C at a prompt leads to INTERRUPTED, and the terminal echoes again", async () => {
    const child = onTerminal(
      `await host.terminal.ask("passphrase: ", { hidden: true }).catch((error) => console.log(error.code + " " + error.exitCode));`,
    );
    await child.waitFor("passphrase: ");
    child.process.stdin.write("half\u0003");
    const screen = await child.waitFor("status");

    expect(screen).toContain("INTERRUPTED 130");
    expect(screen).toContain(" echo ");
    expect(screen).not.toContain("half");
  });

  test.for(["SIGTERM", "SIGHUP", "SIGQUIT"] as const)(
    "%s at a prompt restores the terminal",
    async (signal) => {
      const child = onTerminal(
        `console.log("pid " + process.pid + "."); await host.terminal.ask("passphrase: ", { hidden: true });`,
      );
      const screen = await child.waitFor("passphrase: ");
      process.kill(Number(/pid ([0-9]+)\./.exec(screen)?.[1]), signal);

      expect(await child.waitFor("status")).toContain(" echo ");
    },
  );
});

test("without a terminal there is no answer", async () => {
  const child = runScript(
    `const { spawn } = await import("node:child_process");
     const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", process.env.PROGRAM], { detached: true, stdio: ["ignore", "inherit", "inherit"] });`,
    {
      env: {
        ...process.env,
        PROGRAM: `import { createNodeHost } from ${source("host/node-host.ts")};
          const { terminal } = createNodeHost();
          console.log(String(await terminal.ask("name: ")), terminal.stdinIsTerminal, terminal.stdoutIsTerminal, terminal.stderrIsTerminal);`,
      },
    },
  );

  expect(await child.waitFor("\n")).toBe("undefined false false false\n");
});
