import { realpathSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hostScript, runScript } from "../support/child-process.ts";
import { createTestHost } from "../support/test-host.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
const isRoot = process.getuid?.() === 0;

describe("running a program", () => {
  test("gives its two outputs and its status, with arguments as they are", async () => {
    const host = await createTestHost();
    const result = await host.exec([
      "sh",
      "-c",
      'printf "%s|" "$@"; echo oops >&2; exit 3',
      "sh",
      "a b",
      "$HOME",
      "*",
      "",
    ]);

    expect({ ...result, stdout: text(result.stdout) }).toEqual({
      status: 3,
      stdout: "a b|$HOME|*||",
      stderr: "oops\n",
    });
  });

  test("a signal that ends it gives 128 and its number", async () => {
    const host = await createTestHost();

    expect(await host.exec(["sh", "-c", "kill -TERM $$"])).toMatchObject({ status: 143 });
    expect(await host.exec(["sh", "-c", "kill -KILL $$"])).toMatchObject({ status: 137 });
  });

  test("a program that takes too long is ended, with what it started", async () => {
    const host = await createTestHost();
    const started = Date.now();

    await expect(host.exec(["sh", "-c", "sleep 20; true"], { timeoutMs: 200 })).rejects.toMatchObject({
      code: "KEY_SOURCE_FAILED",
      message: "sh did not end within 0.2 s",
    });
    expect(Date.now() - started).toBeLessThan(10_000);
    expect(await host.exec(["true"], { timeoutMs: 10_000 })).toMatchObject({ status: 0 });
  });

  test("hands over standard input, none at all, or kseal's own", async () => {
    const host = await createTestHost({ stdin: "from outside" });
    const big = Buffer.alloc(1_000_000, "x");

    expect(text((await host.exec(["cat"], { stdin: big })).stdout)).toBe(big.toString());
    expect(text((await host.exec(["cat"])).stdout)).toBe("");
    expect(text((await host.exec(["cat"], { stdin: "inherit" })).stdout)).toBe("from outside");
    expect(await host.exec(["true"], { stdin: big })).toMatchObject({ status: 0 });
  });

  test("may hand on its output as it comes, and is ended when that is too much", async () => {
    const host = await createTestHost();
    let length = 0;
    const onOutput = (bytes: Uint8Array): void => {
      length += bytes.length;
    };
    const { status, stdout } = await host.exec(["head", "-c", "1000000", "/dev/zero"], { onOutput });
    expect({ status, length, kept: stdout.length }).toEqual({ status: 0, length: 1_000_000, kept: 0 });

    const enough = (): never => {
      throw new Error("enough");
    };
    await expect(host.exec(["cat", "/dev/zero"], { onOutput: enough })).rejects.toThrow("enough");
  });

  test("what it prints goes where kseal prints when it inherits", async () => {
    const host = await createTestHost();
    const result = await host.exec(["sh", "-c", "echo out; echo err >&2"], { output: "inherit" });

    expect(result).toEqual({ status: 0, stdout: new Uint8Array(), stderr: "" });
    expect([host.stdoutText(), host.stderrText()]).toEqual(["out\n", "err\n"]);
  });

  test("its standard error alone may go to the user, while its output is kept", async () => {
    const host = await createTestHost();
    const result = await host.exec(["sh", "-c", "echo out; echo err >&2"], { stderr: "inherit" });
    expect([text(result.stdout), result.stderr]).toEqual(["out\n", ""]);
    expect(host.stderrText()).toBe("err\n");
  });

  test("the environment and the folder are the given ones, and nothing else", async () => {
    const host = await createTestHost({ files: { "folder/a": "" }, env: { MINE: "1" } });
    const print = ["sh", "-c", 'echo "$MINE $OTHER"; pwd'] as const;

    expect(text((await host.exec(print)).stdout)).toBe(`1 \n${host.cwd}\n`);
    const other = await host.exec(print, { env: { OTHER: "2" }, cwd: join(host.cwd, "folder") });
    expect(text(other.stdout)).toBe(` 2\n${join(host.cwd, "folder")}\n`);
  });

  test("one whose interpreter is missing is an error", async () => {
    const host = await createTestHost();
    writeFileSync(join(host.cwd, "tool"), "#!/nowhere/interpreter\n", { mode: 0o755 });

    await expect(host.exec([join(host.cwd, "tool")])).rejects.toMatchObject({
      code: "NO_FILE",
      message: expect.stringContaining("its folder or interpreter does not exist"),
    });
  });

  test("more than a system hands over is an error", async () => {
    const host = await createTestHost();

    await expect(host.exec(["true"], { env: { BIG: "x".repeat(50_000_000) } })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      message: "cannot run true: its arguments and variables are too large",
    });
  });
});

describe("running a program as another user", () => {
  test.skipIf(!isRoot)("D46: drops all groups, takes the user's own, and sets HOME", async () => {
    const host = await createTestHost();
    const result = await host.exec(["sh", "-c", "id -u; id -G; echo $HOME $USER"], {
      user: "nobody",
      cwd: "/",
    });
    const [id, groups, home] = text(result.stdout).split("\n");

    expect(Number(id)).toBeGreaterThan(0);
    expect(groups).toMatch(/^[1-9][0-9]*$/);
    expect(home).toMatch(/^\/\S* nobody$/);
  });

  test("a user that does not exist is named", async () => {
    const host = await createTestHost();

    await expect(host.exec(["true"], { user: "no-such-user" })).rejects.toMatchObject({
      code: "USAGE",
      message: "there is no user no-such-user on this system",
    });
  });

  test("the own user may be named", async () => {
    const host = await createTestHost();

    expect(await host.exec(["true"], { user: userInfo().username })).toMatchObject({ status: 0 });
  });

  test("Windows cannot", async () => {
    const host = await createTestHost({ platform: "win32", env: { Path: "C:\\" } });

    await expect(host.exec(["cmd.exe"], { user: "u" })).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("becoming another program", () => {
  test("keeps the process and its streams, and says nothing itself", async () => {
    const host = await createTestHost();
    const child = runScript(`${hostScript(host)}
      console.log(process.pid);
      await host.become(["sh", "-c", 'echo $$ "$MINE"; pwd; exit 5'], { env: { MINE: "1" } });`);
    const output = await child.waitFor(`${host.cwd}\n`);

    expect(output).toBe(`${child.process.pid}\n${child.process.pid} 1\n${realpathSync(host.cwd)}\n`);
    expect(await child.ended()).toEqual({ code: 5, signal: null, stderr: "" });
  });

  test.skipIf(!isRoot)("D46: as another user it has no group of the old one", async () => {
    const host = await createTestHost();
    const child = runScript(`${hostScript(host)}
      process.setgroups([0, 7, 8]);
      await host.become(["sh", "-c", 'id -u; id -G; echo $HOME.'], { user: "nobody", cwd: "/" });`);

    expect(await child.waitFor(".\n")).toMatch(/^[1-9][0-9]*\n[1-9][0-9]*\n\/\S*\.\n$/);
    expect(await child.ended()).toMatchObject({ code: 0, stderr: "" });
  });

  test("where the process is not kseal's to give away, the program runs to its end", async () => {
    const host = await createTestHost();

    expect(await host.become(["sh", "-c", "echo out; exit 4"])).toBe(4);
    expect(host.stdoutText()).toBe("out\n");
  });
});

describe("talking to a program", () => {
  test("line by line, to its end", async () => {
    const host = await createTestHost();
    const talk = await host.spawn([
      "sh",
      "-c",
      'echo hello; read a; echo "got $a"; read b; printf "last $b"; echo why >&2; exit 2',
    ]);

    expect(await talk.readLine()).toBe("hello");
    await talk.write("one\n");
    expect(await talk.readLine()).toBe("got one");
    await talk.write(Buffer.from("zwölf\n"));
    expect(await talk.readLine()).toBe("last zwölf");
    expect(await talk.readLine()).toBeUndefined();
    expect(await talk.close()).toEqual({ status: 2, stderr: "why\n" });
  });

  test("a program that ends early, or says more than anybody reads, is no hang", async () => {
    const host = await createTestHost();
    const early = await host.spawn(["true"]);
    await early.write("x".repeat(1_000_000));
    expect(await early.readLine()).toBeUndefined();
    expect(await early.close()).toMatchObject({ status: 0 });

    const talkative = await host.spawn(["sh", "-c", "yes | head -c 3000000"]);
    expect(await talkative.readLine()).toBe("y");
    expect(await talkative.close()).toMatchObject({ status: 0 });
  });

  test("a program that cannot start is an error of the first exchange", async () => {
    const host = await createTestHost();
    writeFileSync(join(host.cwd, "tool"), "#!/nowhere\n", { mode: 0o755 });
    const talk = await host.spawn([join(host.cwd, "tool")]);

    await expect(talk.readLine()).rejects.toMatchObject({ code: "NO_FILE" });
    await expect(talk.close()).rejects.toMatchObject({ code: "NO_FILE" });
  });
});
