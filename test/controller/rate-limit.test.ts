import { expect, test } from "vitest";
import { RateLimit } from "../../controller/rate-limit.ts";
import { recorded } from "../support/controller.ts";
import { fakeTimer } from "../support/fake-timer.ts";

test("five requests at once get what upstream answered five requests at once", () => {
  const limit = new RateLimit({ perSecond: 2, burst: 2, timer: fakeTimer() });
  for (const { status, headers } of recorded("http")["limited"]) {
    const { limited, headers: ours } = limit.take("peer");
    expect(limited).toBe(status === 429);
    // HTTP names are the same in any case.
    expect(lowerCase(ours)).toEqual(
      Object.fromEntries(
        Object.entries(lowerCase(headers)).filter(([name]) => /^(x-ratelimit|retry)/.test(name)),
      ),
    );
  }
});

test("in the long run so many a second pass", async () => {
  const timer = fakeTimer();
  const limit = new RateLimit({ perSecond: 2, burst: 2, timer });
  let passed = 0;
  for (let at = 0; at < 1000; at += 1) {
    if (!limit.take("peer").limited) passed += 1;
    await timer.advance(10);
  }
  expect(passed).toBe(3 + 19);
});

test("a clock that is set back lets nobody wait for it", async () => {
  const timer = fakeTimer();
  const limit = new RateLimit({ perSecond: 1, burst: 0, timer });
  expect(limit.take("peer").limited).toBe(false);
  timer.set(-600_000);
  await timer.advance(1000);
  expect(limit.take("peer").limited).toBe(false);
});

test("peers do not share, and a flood of them does not fill the memory", async () => {
  const timer = fakeTimer();
  const limit = new RateLimit({ perSecond: 1, burst: 0, timer });
  expect(limit.take("a").limited).toBe(false);
  expect(limit.take("b").limited).toBe(false);
  expect(limit.take("a").limited).toBe(true);
  for (let at = 0; at < 20_000; at += 1) limit.take(`peer-${at}`);
  expect(limit.take("peer-19999").limited).toBe(true);
  // Forgotten, as ten thousand came after it.
  expect(limit.take("peer-0").limited).toBe(false);
});

function lowerCase(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
