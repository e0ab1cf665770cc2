import fc from "fast-check";
import { expect, test } from "vitest";
import { civilTime, epochOf } from "../../src/core/calendar.ts";

const moments = fc.date({
  min: new Date("0001-01-01T00:00:00Z"),
  max: new Date("9999-12-31T23:59:59Z"),
  noInvalidDate: true,
});

test("the calendar agrees with the runtime's", () => {
  fc.assert(
    fc.property(moments, (date) => {
      const { year, month, day, hour, minute, second } = civilTime(date.getTime());
      const expected = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
      expect([year, month, day]).toEqual(expected);
      expect([hour, minute, second]).toEqual([
        date.getUTCHours(),
        date.getUTCMinutes(),
        date.getUTCSeconds(),
      ]);
      expect(epochOf(date.toISOString())).toBe(date.getTime());
    }),
  );
});

test.for([
  "2026-11-21T08:56:49+05:30",
  "2026-11-21T08:56:49.25-08:00",
  "2024-02-29T00:00:00Z",
  "1969-12-31T23:59:59Z",
])("%s is the moment that the runtime reads", (text) => expect(epochOf(text)).toBe(Date.parse(text)));

test.for(["", "2026-11-21", "2026-02-30T00:00:00Z", "yesterday"])("%j is no time", (text) => {
  expect(epochOf(text)).toBeUndefined();
});
