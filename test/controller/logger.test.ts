import { describe, expect, test } from "vitest";
import { createLogger, type LoggerOptions } from "../../controller/logger.ts";

function lines(options: Partial<LoggerOptions>) {
  const written: string[] = [];
  const logger = createLogger({
    level: "INFO",
    format: "text",
    infoToStdout: true,
    writeStdout: (text) => written.push(`out ${text}`),
    writeStderr: (text) => written.push(`err ${text}`),
    now: () => Date.parse("2026-11-21T12:00:00Z"),
    ...options,
  });
  logger.debug("looked");
  logger.info("Secret written", { object: "prod/db", key: undefined, durationMs: 4 });
  logger.warn("not unsealed", { error: 'no key\n"x"' });
  logger.error("ended");
  return written;
}

describe("the log", () => {
  test("is one line each, as the Bitnami controller's, with what went wrong on standard error", () => {
    expect(lines({})).toEqual([
      'out time=2026-11-21T12:00:00.000Z level=INFO msg="Secret written" object=prod/db durationMs=4\n',
      'err time=2026-11-21T12:00:00.000Z level=WARN msg="not unsealed" error="no key\\n\\"x\\""\n',
      "err time=2026-11-21T12:00:00.000Z level=ERROR msg=ended\n",
    ]);
  });

  test("is JSON, says more or less, and all of it on standard error", () => {
    expect(lines({ format: "json", level: "DEBUG", infoToStdout: false })[0]).toBe(
      'err {"time":"2026-11-21T12:00:00.000Z","level":"DEBUG","msg":"looked"}\n',
    );
    expect(lines({ level: "ERROR" })).toHaveLength(1);
  });
});
