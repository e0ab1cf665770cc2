import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { keySetOf } from "../../controller/key-set.ts";
import { Metrics } from "../../controller/metrics.ts";
import { readStatus } from "../../controller/status.ts";
import { testKey } from "../support/controller.ts";
import { type InstalledObject, manifests, readObject } from "../support/install.ts";

const dashboard = JSON.parse(readFileSync(manifests("components/monitoring/dashboard.json"), "utf8"));
const alerts = readObject("manifests", "components", "monitoring", "alerts.yaml");

test("alerts and dashboard ask for nothing that the controller does not say", () => {
  const page = pageWithEverything();
  const series = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const questions = expressions();
  expect(questions.length).toBeGreaterThan(20);
  for (const question of questions) {
    const names = question.match(/\b(?:sealed_secrets_controller|kseal_controller|process)_\w+/g) ?? [];
    expect(names.length, question).toBeGreaterThan(0);
    for (const name of names) {
      const found = series.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
      expect(found.length, `${name} of ${question}`).toBeGreaterThan(0);
      for (const label of labelsIn(question)) {
        expect(
          found.some((line) => line.includes(`${label}="`)),
          `${label} of ${question}`,
        ).toBe(true);
      }
    }
  }
});

test("every metric of the controller's own is on the dashboard or in an alert", () => {
  const names = [...pageWithEverything().matchAll(/^# TYPE (kseal_controller_\w+)/gm)].map(
    ([, name]) => name!,
  );
  const text = expressions().join("\n");
  expect(
    names.filter((name) => !text.includes(name) && name !== "kseal_controller_rsa_operations_total"),
  ).toEqual([]);
});

test("every alert says what is wrong, how bad it is, and what to do", () => {
  const { rules } = alerts.spec.groups[0];
  expect(rules).toHaveLength(16);
  for (const { alert, labels, annotations } of rules) {
    expect(alert).toMatch(/^SealedSecret/);
    expect(["info", "warning", "critical"]).toContain(labels.severity);
    expect(annotations).toEqual({ summary: expect.any(String), description: expect.any(String) });
  }
});

function expressions(): readonly string[] {
  const ofAlerts = alerts.spec.groups[0].rules.map(({ expr }: InstalledObject) => expr);
  const ofPanels = dashboard.panels.flatMap(({ targets }: InstalledObject) =>
    targets.map(({ expr }: InstalledObject) => expr),
  );
  return [...ofAlerts, ...ofPanels];
}

/** Labels that are grouped or selected by, but for those that Prometheus adds. */
function labelsIn(question: string): readonly string[] {
  const grouped = [...question.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names]) => names!.split(", "));
  const selected = [...question.matchAll(/\{([^}]*)\}/g)].flatMap(([, text]) =>
    [...text!.matchAll(/(\w+)=/g)].map(([, name]) => name!),
  );
  return [...grouped, ...selected].filter((name) => name !== "job");
}

function pageWithEverything(): string {
  const status = readStatus({ conditions: [{ type: "Synced", status: "True" }] });
  const metrics = new Metrics({
    version: "0.1.0",
    keys: () => keySetOf([testKey], { order: "CertNotBefore" }),
    objects: () => [{ namespace: "a", name: "b", instance: "", status, openedBy: [testKey.fingerprint] }],
    queueDepth: () => ({ new: 0, resync: 0 }),
    isLeader: () => true,
    backups: () => ({
      records: [{ place: "a", file: "b", at: "2026-11-21T00:00:00Z", sha256: "", recipients: [] }],
      verifiedAt: undefined,
    }),
    waitsForBackup: () => true,
    backupsSeenAt: () => 1,
    process: () => ({ cpuSeconds: 1, residentBytes: 1, startSeconds: 1 }),
    omitSecretLabels: false,
  });
  metrics.reconciled(1);
  metrics.failed("unseal", "a");
  metrics.waited(1, "new");
  metrics.wrote("create");
  metrics.drifted("a", "repaired");
  metrics.opened(1);
  metrics.answered({ method: "GET", path: "/v1/cert.pem", code: 200, seconds: 1 });
  return metrics.text();
}
