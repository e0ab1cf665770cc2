import { describe, expect, test } from "vitest";
import { KsealError } from "../../src/errors.ts";
import { FilesError, mapFiles } from "../../src/ops/map-files.ts";
import { failureOf } from "./workbench.ts";

const files = (count: number) => Array.from({ length: count }, (_, index) => ({ file: `f${index}` }));
const context = { signal: undefined, onProgress: undefined };

describe("work on several files", () => {
  test("keeps their order and tells of the progress", async () => {
    const progress: string[] = [];
    const onProgress = (done: number, total: number) => void progress.push(`${done}/${total}`);
    const work = async ({ file }: { file: string }) => {
      if (file === "f0") await Promise.resolve();
      return file;
    };
    const results = await mapFiles(files(20), work, { ...context, onProgress });
    expect(results).toEqual(files(20).map(({ file }) => file));
    expect(progress).toHaveLength(20);
    expect(progress.at(-1)).toBe("20/20");
  });

  test("is done on a few at a time", async () => {
    let running = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running -= 1;
    };
    await mapFiles(files(100), work, context);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(16);
  });

  test("tells of the one failure as it is, with the file's name", async () => {
    const work = async ({ file }: { file: string }) => {
      if (file === "f3") throw new KsealError("EMPTY_INPUT", "empty");
    };
    expect(await failureOf(mapFiles(files(5), work, context))).toMatchObject({
      code: "EMPTY_INPUT",
      message: "empty",
      where: { file: "f3" },
    });
  });

  test("tells of all failures, in the order of the files", async () => {
    const work = async ({ file }: { file: string }) => {
      throw new KsealError("EMPTY_INPUT", "empty", { hint: "write something", where: { file, line: 1 } });
    };
    const failure = await failureOf(mapFiles(files(30), work, context));
    expect(failure).toBeInstanceOf(FilesError);
    expect(failure.hint).toBe("write something");
    expect(failure.message).toMatch(
      /^30 of 30 files failed:\n {2}f0:1: empty\n {2}f1:1: empty\n(.*\n)*? {2}and 10 more$/,
    );
  });

  test("ends when it is interrupted", async () => {
    const abort = new AbortController();
    const work = async () => abort.abort();
    const failure = await failureOf(mapFiles(files(50), work, { ...context, signal: abort.signal }));
    expect(failure).toMatchObject({ code: "INTERRUPTED", exitCode: 130 });
  });

  test("a bug comes out as it is", async () => {
    const work = async () => {
      throw new RangeError("bug");
    };
    await expect(mapFiles(files(3), work, context)).rejects.toThrow(RangeError);
  });
});
