import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runKubeseal } from "../../src/cli/compat/kubeseal.ts";
import type { Host } from "../../src/core/ports.ts";
import { secretJson, secretYaml } from "../differential/kubeseal-samples.ts";
import { sealedVector, sealedVectorPath } from "../support/sealed.ts";
import { createTestHost, type TestHost, type TestHostOptions } from "../support/test-host.ts";

const main = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const certificate = sealedVectorPath("rsa2048.crt.pem");
const privateKey = sealedVectorPath("rsa2048.key.pem");

describe("kseal in the place of kubeseal", () => {
  test("a link called kubeseal is kubeseal", async () => {
    const host = await createTestHost({ files: { "s.yaml": secretYaml("db") } });
    for (const name of ["kubeseal", "kubeseal.exe"]) {
      const link = host.resolve(name);
      symlinkSync(main, link);
      const result = spawnSync(process.execPath, [link, "--cert", certificate, "-f", "s.yaml"], {
        cwd: host.cwd,
        encoding: "utf8",
        env: { HOME: host.homeDir },
      });
      expect(result).toMatchObject({ status: 0, stderr: "" });
      expect(JSON.parse(result.stdout)).toMatchObject({ kind: "SealedSecret", metadata: { name: "db" } });
    }
  });

  test("somebody at a terminal is told what is waited for", async () => {
    const { stderr } = await runAtTerminal(["--cert", certificate], { stdin: secretJson("db", "shop") });
    expect(stderr).toBe("(tty detected: expecting json/yaml k8s resource in stdin)\n");
  });

  test("somebody at a terminal is told what --raw waits for", async () => {
    const args = ["--cert", certificate, "--raw", "--scope", "cluster-wide"];
    const { stderr, status } = await runAtTerminal(args, { stdin: "x" });
    expect({ stderr, status }).toEqual({
      stderr: "(tty detected: expecting a secret to encrypt in stdin)\n",
      status: 0,
    });
  });

  test.for([[["-f", "s"]], [["--fetch-cert"]]] as const)("with %o nothing is waited for", async ([more]) => {
    const files = { s: secretJson("db", "shop") };
    const { stderr, status } = await runAtTerminal(["--cert", certificate, ...more], { files });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  });

  test("keys without the mode they are for are ignored, with a warning for somebody who looks", async () => {
    const args = ["--cert", certificate, "-f", "s", "--recovery-private-key", privateKey];
    const { stderr, status } = await runAtTerminal(args, { files: { s: secretJson("db", "shop") } });
    expect({ stderr, status }).toEqual({
      stderr:
        "warning: ignoring --recovery-private-key because unseal command not chosen with --recovery-unseal\n",
      status: 0,
    });
  });

  test("--from-file=/dev/stdin is standard input", async () => {
    const args = ["--cert", certificate, "--raw", "--scope", "cluster-wide", "--from-file=/dev/stdin"];
    const host = await createTestHost({ stdin: "value" });
    expect(await runKubeseal(args, host)).toBe(0);
    expect(Buffer.from(host.stdoutText(), "base64")).toHaveLength(2 + 256 + "value".length + 16);
  });

  test("an expired certificate is refused with its date", async () => {
    const later = Date.parse("2090-01-01T00:00:00Z");
    const host = await createTestHost({ now: later, stdin: secretJson("db", "shop") });
    expect(await runKubeseal(["--cert", certificate], host)).toBe(1);
    expect(host.stderrText()).toMatch(
      /^error: failed to encrypt using an expired certificate on [A-Z][a-z]+ \d{1,2}, \d{4}\n$/,
    );
  });

  test("a certificate that is not valid yet is taken, as by the original", async () => {
    const host = await createTestHost({ now: 0, stdin: secretJson("db", "shop") });
    expect(await runKubeseal(["--cert", certificate], host)).toBe(0);
  });

  test("the first certificate of a file counts", async () => {
    const bundle = sealedVector("rsa4096.crt.pem") + sealedVector("rsa2048.crt.pem");
    const host = await createTestHost({ files: { "c.pem": bundle }, stdin: "x" });
    await runKubeseal(["--cert", "c.pem", "--raw", "--scope", "cluster-wide"], host);
    expect(Buffer.from(host.stdoutText(), "base64")).toHaveLength(2 + 512 + 1 + 16);
  });

  test("a certificate for another type of key is refused", async () => {
    const host = await createTestHost({ files: { "c.pem": ecCertificate }, stdin: secretJson("db", "shop") });
    expect(await runKubeseal(["--cert", "c.pem"], host)).toBe(1);
    expect(host.stderrText()).toBe("error: expected RSA public key but found ec\n");
  });

  test("a file of SOPS is refused: its values would be sealed encrypted", async () => {
    const stdin = `${secretYaml("db")}sops:\n  mac: ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]\n  version: 3.13.3\n  lastmodified: "2026-01-01T00:00:00Z"\n  age: []\n`;
    const host = await createTestHost({ stdin });
    expect(await runKubeseal(["--cert", certificate], host)).toBe(1);
    expect(host.stderrText()).toMatch(/^error: standard input: /);
    expect(host.stdoutText()).toBe("");
  });

  test("of a key that stands twice the last one counts, with a warning", async () => {
    const host = await createTestHost({ stdin: `${secretYaml("db")}  password: other\n` });
    expect(await runKubeseal(["--cert", certificate], host)).toBe(0);
    expect(host.stderrText()).toBe("warning: line 8: a key stands twice in its mapping\n");
  });

  test("what -w writes anew only its owner may read, and what was there keeps its mode", async () => {
    const host = await createTestHost({ files: { s: secretJson("db", "shop"), old: "" } });
    chmodSync(host.resolve("old"), 0o644);
    for (const file of ["new", "old"])
      await runKubeseal(["--cert", certificate, "-f", "s", "-w", file], host);
    expect([modeOf(host, "new"), modeOf(host, "old")]).toEqual([0o600, 0o644]);
  });

  test("S12: a target that was changed meanwhile is not overwritten", async () => {
    const host = await createTestHost({ files: { s: secretJson("db", "shop") } });
    await runKubeseal(["--cert", certificate, "-f", "s", "-w", "t.json"], host);
    // Standard input is read when the target has been.
    const late: Host = withHost(host, {
      readStdin: async () => {
        writeFileSync(host.resolve("t.json"), "somebody else's");
        return Buffer.from(secretYaml("db"));
      },
    });
    expect(await runKubeseal(["--cert", certificate, "--merge-into", "t.json"], late)).toBe(1);
    expect(Buffer.from(await host.readFile("t.json")).toString()).toBe("somebody else's");
  });

  test.for([
    ["-f", ["-f", "folder"]],
    ["--cert", ["--cert", "folder"]],
    ["a key", ["--recovery-unseal", "--recovery-private-key", "folder"]],
  ] as const)(
    "%s that is a folder is an error, where the original waits for ever or succeeds",
    async ([, args]) => {
      const host = await createTestHost({ stdin: secretJson("db", "shop") });
      mkdirSync(host.resolve("folder"));
      expect(await runKubeseal(["--cert", certificate, ...args], host)).toBe(1);
      expect(host.stderrText()).toMatch(/^error: /);
    },
  );
});

const ecCertificate = `-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUJys5lCgNb5meKgC4DMPx6YOVVXUwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCZWMwIBcNMjYxMTIxMTEyMjEzWhgPMjEyNjEwMjgxMTIyMTNa
MA0xCzAJBgNVBAMMAmVjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEACQur2t5
APqU3DonJWJJuL9Ccp2tziuhoCe5dhZ0VIV5ZIVOEGd62zrgQHbnUmUHO7868jNe
/OfC+yYPu2qMzqNTMFEwHQYDVR0OBBYEFBR7jqYiCpHi9+J+qqpTP+Zf382MMB8G
A1UdIwQYMBaAFBR7jqYiCpHi9+J+qqpTP+Zf382MMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIhALh0bRYZE5MHtWM0vMfv/UU4Vl6DWOtkaWArg4MX
/iLgAiBDJ5P2N43vcPGFs64T1jzmH4YlMkQoLG9xbaCcQ6T38w==
-----END CERTIFICATE-----
`;

function modeOf(host: Host, file: string): number {
  return statSync(host.resolve(file)).mode & 0o777;
}

async function runAtTerminal(args: readonly string[], options: TestHostOptions) {
  const host = await createTestHost(options);
  const terminal = { ...host.terminal, stdinIsTerminal: true, stderrIsTerminal: true };
  const status = await runKubeseal(args, withHost(host, { terminal }));
  return { status, stderr: host.stderrText() };
}

function withHost(host: TestHost, changed: Partial<Host>): Host {
  return Object.assign(Object.create(host) as Host, changed);
}
