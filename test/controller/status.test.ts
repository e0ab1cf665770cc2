import { expect, test } from "vitest";
import { nextStatus, readStatus, statusObject } from "../../controller/status.ts";
import { recorded } from "../support/controller.ts";

const at = (time: string) => Date.parse(time);
const first = { generation: 1, now: at("2026-11-21T12:00:00.700Z") };
const none = readStatus(undefined);
const fine = { failure: undefined };

test("the first status has one time for everything, in whole seconds", () => {
  const time = "2026-11-21T12:00:00Z";
  expect(statusObject(nextStatus(none, fine, first)!)).toEqual({
    observedGeneration: 1,
    conditions: [
      { type: "Synced", status: "True", lastTransitionTime: time, lastUpdateTime: time },
      { type: "Ready", status: "True", lastTransitionTime: time, lastUpdateTime: time },
    ],
  });
});

test("the condition of a success has the fields that upstream writes, and no other", () => {
  const upstream = recorded("success")["sealedsecret"].status.conditions[0];
  const { conditions } = statusObject(nextStatus(none, fine, first)!) as { conditions: object[] };
  expect(Object.keys(conditions[0]!).toSorted()).toEqual(Object.keys(upstream).toSorted());
});

test("a new generation moves the time of update, and that of transition only with a flip", () => {
  const before = nextStatus(none, fine, first)!;
  const later = { generation: 2, now: at("2026-11-21T12:00:05Z") };
  expect(nextStatus(before, fine, later)).toMatchObject({
    observedGeneration: 2,
    conditions: [
      { lastTransitionTime: "2026-11-21T12:00:00Z", lastUpdateTime: "2026-11-21T12:00:05Z" },
      { lastTransitionTime: "2026-11-21T12:00:00Z", lastUpdateTime: "2026-11-21T12:00:05Z" },
    ],
  });
  expect(nextStatus(before, { failure: "no" }, later)?.conditions[0]).toMatchObject({
    status: "False",
    lastTransitionTime: "2026-11-21T12:00:05Z",
  });
});

test("what is said already is not written again", () => {
  const status = nextStatus(none, { failure: "no", needsHelp: true }, first)!;
  expect(
    nextStatus(readStatus(statusObject(status)), { failure: "no", needsHelp: true }, { ...first, now: 0 }),
  ).toBeUndefined();
});

test("S5: a message that changed is published, where upstream keeps the old one; the time of transition stays", () => {
  const before = nextStatus(none, { failure: "no key" }, first)!;
  const next = nextStatus(
    before,
    { failure: "no rights" },
    { generation: 1, now: at("2026-11-21T13:00:00Z") },
  );
  expect(next?.conditions[0]).toEqual({
    type: "Synced",
    status: "False",
    message: "no rights",
    lastTransitionTime: "2026-11-21T12:00:00Z",
    lastUpdateTime: "2026-11-21T13:00:00Z",
  });
});

test("S5: kstatus sees a failure that needs somebody as Stalled, one that passes as not ready", () => {
  const types = (needsHelp: boolean) =>
    nextStatus(none, { failure: "no", needsHelp }, first)?.conditions.map(
      ({ type, status }) => `${type}=${status}`,
    );
  expect(types(true)).toEqual(["Synced=False", "Ready=False", "Stalled=True"]);
  expect(types(false)).toEqual(["Synced=False", "Ready=False"]);
});

test("a status of the Bitnami controller is taken on: its time of transition counts", () => {
  const upstream = readStatus(recorded("drift")["sealedsecret"].status);
  expect(nextStatus(upstream, fine, { generation: 2, now: first.now })?.conditions).toMatchObject([
    { type: "Synced", lastTransitionTime: "2026-11-21T01:43:28Z" },
    { type: "Ready", lastTransitionTime: "2026-11-21T12:00:00Z" },
  ]);
});

test.for([null, [], "text", { conditions: "x" }, { conditions: [null, 7, { type: 1, status: "Maybe" }] }])(
  "a broken status (%j) is no obstacle",
  (status) => {
    expect(nextStatus(readStatus(status), fine, first)?.conditions).toHaveLength(2);
  },
);
