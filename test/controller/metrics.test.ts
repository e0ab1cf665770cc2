import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { keySetOf } from "../../controller/key-set.ts";
import { type MetricSources, Metrics, type ObjectState } from "../../controller/metrics.ts";
import { readStatus } from "../../controller/status.ts";
import { testKey, upstreamFolder } from "../support/controller.ts";

const upstream = readFileSync(join(upstreamFolder, "metrics.txt"), "utf8");

function sources(change: Partial<MetricSources> = {}): MetricSources {
  return {
    version: "v0.36.6",
    keys: () => keySetOf([testKey], { order: "CertNotBefore" }),
    objects: () => [],
    queueDepth: () => ({ new: 0, resync: 0 }),
    isLeader: () => true,
    backups: () => ({ records: [], verifiedAt: undefined }),
    waitsForBackup: () => false,
    backupsSeenAt: () => undefined,
    process: () => ({ cpuSeconds: 1.5, residentBytes: 1000, startSeconds: 7 }),
    omitSecretLabels: false,
    ...change,
  };
}

/** The lines of upstream's own metrics, of which there are those of Go besides. */
function recordedLines(name = ""): readonly string[] {
  return upstream.split("\n").filter((line) => line.includes(`sealed_secrets_controller_${name}`));
}

function linesOf(metrics: Metrics, name = ""): readonly string[] {
  return metrics
    .text()
    .split("\n")
    .filter((line) => line.includes(`sealed_secrets_controller_${name}`));
}

/** The objects of the recording, as its own page counts them. */
function recordedObjects(): readonly ObjectState[] {
  return recordedLines("condition_info{").map((line) => {
    const [, name = "", namespace = "", value] =
      /name="([^"]*)",namespace="([^"]*)".*} (-?\d)/.exec(line) ?? [];
    const status = value === "1" ? "True" : "False";
    return {
      namespace,
      name,
      instance: "",
      status: readStatus({ conditions: [{ type: "Synced", status }] }),
      openedBy: [],
    };
  });
}

test("the page has upstream's metrics, line by line: help, type, names, labels, order", () => {
  const metrics = new Metrics(sources({ objects: recordedObjects }));
  for (let at = 0; at < 84; at += 1) metrics.reconciled(0.01);
  for (const line of recordedLines("unseal_errors_total{")) {
    const [, namespace = "", reason = "", count] =
      /namespace="([^"]*)",reason="([^"]*)"} (\d+)/.exec(line) ?? [];
    for (let at = 0; at < Number(count); at += 1) metrics.failed(reason, namespace);
  }
  for (const line of recordedLines("http_requests_total{")) {
    const [, code, method = "", path = "", count] =
      /code="(\d+)",method="([^"]*)",path="([^"]*)"} (\d+)/.exec(line) ?? [];
    for (let at = 0; at < Number(count); at += 1)
      metrics.answered({ code: Number(code), method, path, seconds: 0.001 });
  }
  // Times are those of the moment; that they were counted is what can be equal.
  const timeless = (lines: readonly string[]) => lines.filter((line) => !/_sum\{|le="0\.0(05|1)"/.test(line));
  expect(timeless(linesOf(metrics))).toEqual(timeless(recordedLines()));
});

test("S22: a switch leaves out the metric that names secrets", () => {
  const metrics = new Metrics(sources({ objects: recordedObjects, omitSecretLabels: true }));
  expect(linesOf(metrics, "condition_info")).toEqual([]);
  expect(metrics.text()).not.toContain("wrongns");
});

test("keys are counted with their ages and the objects that each opened", () => {
  const object = { namespace: "prod", name: "db", instance: "", status: readStatus({}) };
  const objects = () => [
    { ...object, openedBy: [testKey.fingerprint] },
    { ...object, openedBy: ["gone", testKey.fingerprint] },
  ];
  const text = new Metrics(sources({ objects })).text();
  const { fingerprint } = testKey;
  expect(text).toContain("kseal_controller_sealing_keys 1\n");
  expect(text).toContain(`kseal_controller_sealing_key_objects{fingerprint="${fingerprint}"} 2\n`);
  expect(text).toContain(
    `kseal_controller_sealing_key_not_before_seconds{fingerprint="${fingerprint}",seals="true"} ${testKey.certificate!.notBefore / 1000}\n`,
  );
});

test("backups are told for each key: in how many places, from when, and when somebody last opened one", () => {
  const record = { place: "folder a", file: "b", sha256: "", recipients: [] };
  const records = ["2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "yesterday"].map((at) => ({
    ...record,
    at,
  }));
  const { fingerprint } = testKey;
  const text = (change: Partial<MetricSources>) => new Metrics(sources(change)).text();
  const backedUp = text({
    backups: (key) => ({ records: key === testKey.name ? records : [], verifiedAt: "2026-11-22T00:00:00Z" }),
    waitsForBackup: () => true,
    backupsSeenAt: () => 1_700_000_000_999,
  });
  for (const line of [
    `kseal_controller_sealing_key_backups{fingerprint="${fingerprint}"} 3`,
    `kseal_controller_sealing_key_backup_seconds{fingerprint="${fingerprint}"} ${Date.parse("2026-11-21") / 1000}`,
    `kseal_controller_sealing_key_backup_verified_seconds{fingerprint="${fingerprint}"} ${Date.parse("2026-11-22") / 1000}`,
    "kseal_controller_backups_seen_seconds 1700000000",
    "kseal_controller_sealing_key_waits_for_backup 1",
    "kseal_controller_key_backup_failures_total 0",
    "kseal_controller_closed_sealing_keys 0",
  ]) {
    expect(backedUp).toContain(`${line}\n`);
  }
  const none = text({});
  expect(none).toContain(`kseal_controller_sealing_key_backups{fingerprint="${fingerprint}"} 0\n`);
  expect(none).toContain(
    `kseal_controller_sealing_key_backup_verified_seconds{fingerprint="${fingerprint}"} 0\n`,
  );
  expect(none).not.toMatch(/^kseal_controller_(sealing_key_backup_seconds|backups_seen_seconds)/m);
});

test("what happens is counted", () => {
  const metrics = new Metrics(sources({ isLeader: () => false, queueDepth: () => ({ new: 3 }) }));
  metrics.drifted("prod", "repaired");
  metrics.wrote("create");
  metrics.opened(3);
  metrics.waited(0.2, "new");
  metrics.renewalFailed();
  const text = metrics.text();
  for (const line of [
    'kseal_controller_drift_total{action="repaired",namespace="prod"} 1',
    'kseal_controller_writes_total{kind="create"} 1',
    "kseal_controller_rsa_operations_total 3",
    'kseal_controller_queue_wait_seconds_bucket{priority="new",le="0.1"} 0',
    'kseal_controller_queue_wait_seconds_bucket{priority="new",le="0.5"} 1',
    "kseal_controller_key_renewal_failures_total 1",
    'kseal_controller_queue_depth{state="new"} 3',
    "kseal_controller_leader 0",
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});

test("a label cannot break out of its line", () => {
  const object = { namespace: 'a"b\\c\nd', name: "x", instance: "", status: readStatus({}), openedBy: [] };
  const [, , line] = linesOf(new Metrics(sources({ objects: () => [object] })), "condition_info");
  expect(line).toContain('namespace="a\\"b\\\\c\\nd"');
});
