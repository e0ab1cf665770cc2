import { describe, expect, test } from "vitest";
import { type ControllerOptions, flagNames, readOptions } from "../../controller/options.ts";
import type { KsealError } from "../../src/errors.ts";

const now = Date.parse("2026-11-21T12:00:00Z");

function read(
  arguments_: readonly string[] = [],
  environment: Record<string, string> = {},
): ControllerOptions {
  return readOptions({ arguments: arguments_, environment, serviceAccountNamespace: undefined, now });
}

function refused(arguments_: readonly string[], environment: Record<string, string> = {}): string {
  try {
    read(arguments_, environment);
  } catch (error) {
    expect((error as KsealError).code).toBe("USAGE");
    return (error as KsealError).message;
  }
  return "taken";
}

const hour = 3_600_000;

describe("without a flag", () => {
  test("everything is as the Bitnami controller has it, but for what made it slow or blind", () => {
    expect(read()).toMatchObject({
      keyPrefix: "sealed-secrets-key",
      keySize: 4096,
      keyTtl: 87_600 * hour,
      commonName: "",
      keyRenewPeriod: 720 * hour,
      keyOrder: "CertNotBefore",
      keyCutoff: undefined,
      acceptV1: true,
      namespaces: undefined,
      labelSelector: "",
      rateLimit: 2,
      rateLimitBurst: 2,
      oldGarbageCollection: false,
      updateStatus: true,
      skipRecreate: false,
      logInfoToStdout: true,
      logLevel: "INFO",
      logFormat: "text",
      maxUnsealRetries: 5,
      listen: { host: "", port: 8080 },
      listenMetrics: { host: "", port: 8081 },
      readTimeout: 120_000,
      writeTimeout: 120_000,
      version: false,
      // These differ: #1833, S20.
      requestsPerSecond: -1,
      watchKeys: true,
    });
  });

  test("the two endpoints of kubeseal are off", () => {
    expect(read().kubesealEndpoints).toBe(false);
  });

  test("options cannot be changed later", () => {
    expect(() => Object.assign(read(), { keySize: 1 })).toThrow(TypeError);
  });
});

describe("a flag", () => {
  const given: readonly (readonly [readonly string[], Partial<ControllerOptions>])[] = [
    [["--key-size", "2048"], { keySize: 2048 }],
    [["--key-size=2048"], { keySize: 2048 }],
    [["-key-size=2048"], { keySize: 2048 }],
    [["--rotate-period=0"], { keyRenewPeriod: 0 }],
    [["--key-renew-period", "1h30m"], { keyRenewPeriod: 1.5 * hour }],
    [["--key-order-priority=SecretCreationTimestamp"], { keyOrder: "SecretCreationTimestamp" }],
    [["--key-cutoff-time", "Sat, 21 Nov 2026 13:00:00 +0200"], { keyCutoff: now - hour }],
    [["--key-cutoff-time="], { keyCutoff: undefined }],
    [["--listen-addr", "127.0.0.1:9000"], { listen: { host: "127.0.0.1", port: 9000 } }],
    [["--listen-addr=[::1]:9000"], { listen: { host: "::1", port: 9000 } }],
    [["--log-level", "error"], { logLevel: "ERROR" }],
    [["--kubeclient-qps=0.5"], { requestsPerSecond: 0.5 }],
    [["--dry-run"], { dryRun: true }],
    [["--dry-run", "--drift", "report"], { dryRun: true, drift: "report" }],
    [["--all-namespaces=false"], { namespaces: ["default"] }],
    [["--additional-namespaces", "a, b,,a"], { namespaces: ["default", "a", "b"] }],
    [["--logtostderr", "--v=4", "-v", "5", "--dry-run"], { dryRun: true }],
  ];
  test.for(given)("%j", ([arguments_, expected]) => {
    expect(read(arguments_)).toMatchObject(expected);
  });

  test("wins over its variable, which wins over the standard", () => {
    const environment = { SEALED_SECRETS_KEY_SIZE: "8192", SEALED_SECRETS_MY_CN: "env" };
    expect(read(["--key-size=2048"], environment)).toMatchObject({ keySize: 2048, commonName: "env" });
  });

  test("the older name counts in the environment, too", () => {
    expect(read([], { SEALED_SECRETS_ROTATE_PERIOD: "2h" }).keyRenewPeriod).toBe(2 * hour);
  });

  test("an empty variable is none", () => {
    expect(read([], { SEALED_SECRETS_KEY_SIZE: "", SEALED_SECRETS_KEY_CUTOFF_TIME: "" })).toMatchObject({
      keySize: 4096,
    });
  });

  const switches = flagNames.filter(isSwitch);
  test.for(switches)("S26: --%s can be switched on and off, by flag and by variable", (name) => {
    const variable = `SEALED_SECRETS_${name.toUpperCase().replaceAll("-", "_")}`;
    const difference = (on: ControllerOptions, off: ControllerOptions) =>
      Object.keys(on).filter(
        (key) => on[key as "dryRun"] !== off[key as "dryRun"] && typeof on[key as "dryRun"] === "boolean",
      );
    expect(difference(read([`--${name}`]), read([`--${name}=false`]))).toHaveLength(1);
    expect(difference(read([], { [variable]: "true" }), read([], { [variable]: "false" }))).toHaveLength(1);
  });
});

function isSwitch(name: string): boolean {
  return refused([`--${name}=neither`]).endsWith("is neither true nor false");
}

describe("S13: in one line, at the start, the controller refuses", () => {
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [["--key-size=many"], "--key-size is no whole number from 2048 to 16384"],
    [["--key-size"], "--key-size needs a value"],
    [["--key-ttl=10y"], "--key-ttl is no duration such as 720h or 1m30s"],
    [["--key-ttl=-1h"], "--key-ttl is shorter than 3600 seconds"],
    [["--key-prefix=Keys"], "--key-prefix may hold a-z, 0-9 and -, and at most 245 characters"],
    [["--key-prefix", "k".repeat(246)], "--key-prefix may hold a-z, 0-9 and -, and at most 245 characters"],
    [
      ["--key-order-priority=Newest"],
      "--key-order-priority is none of CertNotBefore, SecretCreationTimestamp",
    ],
    [
      ["--key-cutoff-time=2026-11-21"],
      "--key-cutoff-time is no time such as Sat, 21 Nov 2026 12:00:00 +0000",
    ],
    [["--privatekey-labels=team"], "--privatekey-labels has an entry that is no key=value"],
    [
      ["--privatekey-labels=sealedsecrets.bitnami.com/sealed-secrets-key=no"],
      "--privatekey-labels cannot set sealedsecrets.bitnami.com/sealed-secrets-key",
    ],
    [["--listen-addr=8080"], "--listen-addr is no address such as :8080"],
    [["--listen-addr=:8081"], "--listen-addr and --listen-metrics-addr have the same port"],
    [["--log-format=xml"], "--log-format is none of text, json"],
    [["--kubeclient-qps=0"], "--kubeclient-qps 0 would let no request through"],
    [
      ["--key-renew-period=10h", "--key-ttl=2h"],
      "--key-renew-period is longer than --key-ttl: the certificate would expire before",
    ],
    [["--kye-size=1"], "unknown flag: --kye-size"],
    [["serve"], '"serve" is no flag'],
    [
      ["--key-size=1", "--drift=ignore"],
      "--key-size is no whole number from 2048 to 16384; --drift is none of repair, report",
    ],
  ];
  test.for(wrong)("%j", ([arguments_, message]) => {
    expect(refused(arguments_)).toBe(message);
  });

  test("a variable that does not fit, by its name; upstream ignores it", () => {
    expect(refused([], { SEALED_SECRETS_KEY_SIZE: "big" })).toBe(
      "SEALED_SECRETS_KEY_SIZE is no whole number from 2048 to 16384",
    );
  });

  test("S21: a cutoff in the future, with which every start would make another key", () => {
    expect(refused(["--key-cutoff-time", "Sat, 21 Nov 2026 12:00:01 +0000"])).toBe(
      "--key-cutoff-time lies in the future: every start would make a new key",
    );
    expect(refused(["--key-cutoff-time", "Sat, 21 Nov 2026 12:00:00 +0000"])).toBe("taken");
  });
});

test("the text after a second = stays in a label of new keys, where upstream loses it", () => {
  expect([...read(["--privatekey-annotations=a=b=c,d="]).keyAnnotations]).toEqual([
    ["a", "b=c"],
    ["d", ""],
  ]);
});

test("the namespace is that of the pod, else of the service account, else default", () => {
  const of = (environment: Record<string, string>, serviceAccountNamespace?: string) =>
    readOptions({ arguments: [], environment, serviceAccountNamespace, now }).namespace;
  expect(of({ POD_NAMESPACE: "a" }, "b")).toBe("a");
  expect(of({}, "b\n")).toBe("b");
  expect(of({ POD_NAMESPACE: "" })).toBe("default");
});
