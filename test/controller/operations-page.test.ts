import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController } from "../support/cluster-bitnami.ts";
import { addController, controllerNamespace, type KsealController } from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { consoleSections } from "../support/console-blocks.ts";
import type { KubeObject } from "../support/controller.ts";
import { readObject } from "../support/install.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";
import { matchesLines } from "../support/transcript.ts";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "operations.md"), "utf8");
const conditionsHeading = "What each condition means and what to do";
const alertsHeading = "What each alert means and what to do";

/** What each row of the table of conditions is about, and how it comes to that, by the beginning of its message. */
const causes: Readonly<Record<string, (place: Place) => Promise<KubeObject | undefined>>> = {
  none: ({ add }) => add("fine"),
  "no key could": async ({ add }) => add("no-key", { change: (object) => rename(object, "another") }),
  "illegal base64": ({ add }) =>
    add("base64", { change: ({ spec }) => ({ spec: { ...spec, encryptedData: { password: "AgB!" } } }) }),
  "template: NAME": ({ add }) => add("template", { template: { data: { out: "{{ .password.a }}" } } }),
  "... the templates": ({ add }) =>
    add("bomb", {
      template: { data: { out: "{{ range until 3000 }}{{ range until 3000 }}{{ end }}{{ end }}" } },
    }),
  "using deprecated": ({ add }) =>
    add("old", { change: () => ({ spec: { data: "AgA=", encryptedData: {} } }) }),
  "failed update": async ({ add, stage }) => {
    await stage.postSecret("taken", { stringData: { theirs: "1" } });
    return add("taken");
  },
  "... field is immutable": async ({ add, stage }) => {
    await add("frozen", { template: { immutable: true } });
    await stage.becomes("frozen", { password: passwordOf("frozen") });
    return stage.change("frozen", { spec: { template: { data: { more: "x" } } } });
  },
  "... type: ...": async ({ add, stage }) => {
    await add("typed");
    await stage.becomes("typed", { password: passwordOf("typed") });
    return stage.change("typed", { spec: { template: { type: "example.com/other" } } });
  },
  "... Too long": ({ add }) =>
    add("long", {
      template: { data: { a: '{{ repeat 600000 "x" }}', b: '{{ repeat 600000 "x" }}' } },
    }),
  "... is forbidden": async ({ add, stage }) => {
    await forbid(stage);
    return add("forbidden");
  },
  "none.": ({ add }) =>
    add("suspended", { change: () => ({ metadata: { annotations: { "kseal.dev/suspend": "true" } } }) }),
};

/** No part of a message: the API server's words are not shown when they quote a value. */
function passwordOf(name: string): string {
  return `the password of ${name}`;
}

interface Place {
  readonly stage: Stage;
  readonly add: (
    name: string,
    more?: { readonly template?: object; readonly change?: (object: KubeObject) => KubeObject },
  ) => Promise<KubeObject>;
}

describe.skipIf(!hasBitnamiController)("docs/operations.md, with a controller", () => {
  let cluster: TestCluster;
  let controller: KsealController;
  let certificate: string;

  beforeAll(async () => {
    cluster = await startCluster();
    for (const name of ["prod", "shop", "quota"]) await cluster.createNamespace(name);
    const kubeconfig = JSON.parse(readFileSync(cluster.kubeconfig, "utf8"));
    kubeconfig.contexts[0].name = "prod";
    kubeconfig["current-context"] = "prod";
    writeFileSync(join(cluster.folder, "prod.kubeconfig"), JSON.stringify(kubeconfig));
    controller = await addController(cluster, { flags: ["--accept-deprecated-v1-data=false"] });
    certificate = await controller.certificate();
  });
  afterAll(async () => {
    await controller?.stop();
    await cluster?.stop();
  });

  function place(namespace: string): Place {
    const stage = new Stage(cluster, namespace);
    return {
      stage,
      add: async (name, { template, change } = {}) => {
        const plain = stage.plain(name, { password: passwordOf(name) });
        const sealed = await sealers.kseal(plain, { certificate, folder: cluster.folder });
        const spec = { ...sealed["spec"], ...(template !== undefined && { template }) };
        const changed = change?.({ ...sealed, spec }) ?? {};
        const metadata = { ...sealed["metadata"], ...changed["metadata"] };
        return await stage.post({ ...sealed, spec, ...changed, metadata });
      },
    };
  }

  const rows = rowsOf(conditionsHeading).filter(([status]) => /^(`True`|`False`|none)$/.test(status ?? ""));

  test("every row of the conditions has its cause here, and the other way round", () => {
    const begins = rows.map(([status, message]) => rowKey(status, message));
    expect(begins.toSorted()).toEqual(Object.keys(causes).toSorted());
  });

  test.for(rows)("%s, %s", async ([status = "", message = ""]) => {
    const key = rowKey(status, message);
    const { stage, add } = place(key === "... is forbidden" ? "quota" : "shop");
    const { metadata } = (await causes[key]!({ stage, add }))!;
    if (key === "none.") {
      // Something that came later is done.
      await add("after-suspended");
      await stage.synced("after-suspended");
      expect((await stage.sealed(metadata.name))?.["status"]).toBeUndefined();
      return;
    }
    const wanted = status === "`True`" ? "True" : "False";
    const { status: found } = await stage.synced(metadata.name, wanted);
    const [{ message: said = "" }] = found.conditions;
    const patterns = [...message.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => patternOf(text));
    if (patterns.length === 0) expect(said).toBe("");
    else
      expect(
        patterns.some((pattern) => pattern.test(said.replaceAll("`", ""))),
        said,
      ).toBe(true);
    const reason = wanted === "True" ? /^Unsealed$/ : /^ErrUnsealFailed$|^ErrUpdateFailed$/;
    await waitFor("its event", async () => {
      const { items } = await cluster.api.call("GET", `/api/v1/namespaces/${stage.namespace}/events`);
      const own = items.filter(({ involvedObject }: KubeObject) => involvedObject.name === metadata.name);
      return own.some((event: KubeObject) => reason.test(event["reason"])) ? true : undefined;
    });
  });

  test("the event Drifted names what somebody changed, and that it was put right", async () => {
    const { stage, add } = place("shop");
    await add("drifting");
    await stage.becomes("drifting", { password: passwordOf("drifting") });
    await stage.synced("drifting");
    await stage.changeSecret("drifting", { data: { password: "b3RoZXI=" } });
    const { message, type } = await stage.event("drifting", "Drifted");
    expect([type, message]).toEqual([
      "Warning",
      'Secret "drifting" was changed by somebody else, and put right: data password',
    ]);
    await stage.becomes("drifting", { password: passwordOf("drifting") });
  });

  test("the event SealingKeyRefused stands at a Secret that is marked as a key and holds none", async () => {
    const stage = new Stage(cluster, controllerNamespace);
    const labels = { "sealedsecrets.bitnami.com/sealed-secrets-key": "active" };
    await stage.postSecret("no-key", { metadata: { labels }, stringData: { a: "b" } });
    expect((await stage.event("no-key", "SealingKeyRefused"))["type"]).toBe("Warning");
    await stage.deleteSecret("no-key");
  });

  test("every command works as it stands", async () => {
    const { stage, add } = place("prod");
    await add("db");
    await add("other", { change: (object) => rename(object, "web") });
    await stage.synced("db");
    await stage.synced("web", "False");
    const labelled = { metadata: { labels: { touched: "by-hand" } } };
    const secret = "/api/v1/namespaces/prod/secrets/db?fieldManager=kubectl-edit";
    const type = { "content-type": "application/merge-patch+json" };
    expect((await cluster.api.request("PATCH", secret, labelled, type)).status).toBe(200);
    const sections = consoleSections("operations.md").filter(({ heading }) =>
      ["Running the controller", conditionsHeading].includes(heading),
    );
    expect(sections).toHaveLength(2);
    for (const { command, output, status } of sections.flatMap(({ steps }) => steps)) {
      const ran = await waitFor(command, async () => {
        const result = await cluster.exec(
          ["bash", "--norc", "-euo", "pipefail", "-c", `exec 2>&1\n${command}`],
          {
            env: { HOME: cluster.folder, KUBECONFIG: join(cluster.folder, "prod.kubeconfig") },
          },
        );
        return result.status === status ? result : undefined;
      });
      const printed = masked(ran.stdout.toString());
      expect(printed, command).toSatisfy(() => matchesLines(printed, masked(output.join("\n")).split("\n")));
    }
  });
});

test("every alert is explained, and no other", () => {
  const { spec } = readObject("manifests", "components", "monitoring", "alerts.yaml");
  const alerts = spec.groups.flatMap(({ rules }: KubeObject) =>
    rules.map((rule: KubeObject) => rule["alert"]),
  );
  const explained = rowsOf(alertsHeading).flatMap(([name]) => /^`(\w+)`$/.exec(name ?? "")?.[1] ?? []);
  expect(explained.toSorted()).toEqual(alerts.toSorted());
});

/** Has the API server refuse every Secret of a namespace. */
async function forbid({ cluster, namespace }: Stage): Promise<void> {
  const [group, name] = ["admissionregistration.k8s.io/v1", `nothing-in-${namespace}`];
  const metadata = { name };
  const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["secrets"] };
  const validations = [{ expression: "false", reason: "Forbidden", message: "no Secrets here" }];
  const matchResources = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
  };
  await cluster.api.apply(`/apis/${group}/validatingadmissionpolicies/${name}`, {
    apiVersion: group,
    kind: "ValidatingAdmissionPolicy",
    metadata,
    spec: { matchConstraints: { resourceRules: [rule] }, validations },
  });
  await cluster.api.apply(`/apis/${group}/validatingadmissionpolicybindings/${name}`, {
    apiVersion: group,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata,
    spec: { policyName: name, validationActions: ["Deny"], matchResources },
  });
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "any" } };
  const path = `/api/v1/namespaces/${namespace}/secrets?dryRun=All`;
  await waitFor("the policy", async () =>
    (await cluster.api.request("POST", path, secret)).status === 403 ? true : undefined,
  );
}

/** The cells of the rows of the tables below a heading. */
function rowsOf(heading: string): readonly (readonly string[])[] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const lines = section.split(/\n## /)[0]!.split("\n");
  return lines
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

/** Which cause belongs to a row: two rows say nothing, and differ in their status. */
function rowKey(status = "", message = ""): string {
  const text = message.replace(/^`/, "");
  if (status === "none") return "none.";
  return Object.keys(causes).find((key) => text.startsWith(key)) ?? text;
}

/** A message as the table writes it: `...` is any text, and so are words in capitals. */
function patternOf(text: string): RegExp {
  const parts = text.split(/\.\.\.|\b[A-Z]{1,}\b/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(parts.join("[\\s\\S]*"));
}

/** The same values under another name. */
function rename(object: KubeObject, name: string): KubeObject {
  return { ...object, metadata: { ...object["metadata"], name } };
}

/** What comes out different each time. */
function masked(text: string): string {
  return text
    .replaceAll(/\b\d+[smhd](\d+s)?(?= |$)/gm, "AGE")
    .replaceAll(/\S+_[0-9a-f]{16}/g, "HOLDER")
    .replaceAll(/ {2,}/g, " ")
    .replaceAll(/ +$/gm, "");
}
