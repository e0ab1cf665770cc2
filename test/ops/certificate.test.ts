import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { findCertificate } from "../../src/ops/certificate.ts";
import { checkCertificates, fetchCertificate, showCertificates } from "../../src/ops/certificate-check.ts";
import { pinCertificate } from "../../src/ops/certificate-pin.ts";
import { makeSealingKey } from "../../src/ops/keygen-sealing.ts";
import { loadSealingKeys } from "../../src/ops/sealing-keys.ts";
import { verifyFiles } from "../../src/ops/verify.ts";
import { readCertificates } from "../../src/sealed/certificate.ts";
import { sealSecret } from "../../src/sealed/seal-secret.ts";
import { sealedSecretObject } from "../../src/sealed/sealed-secret.ts";
import { readSecret } from "../../src/sealed/secret.ts";
import { selfSignedCertificate } from "../../src/sealed/self-signed.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { addBitnamiController, hasBitnamiController } from "../support/cluster-bitnami.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { peer } from "../support/peers.ts";
import { random, sealedVector, vectorCertificate, vectorPrivateKey } from "../support/sealed.ts";
import { failureOf, workbench } from "./workbench.ts";

const day = 86_400_000;
const old = sealedVector("rsa2048.crt.pem");
const pinOf = (key: "rsa2048" | "rsa4096"): string =>
  `sha256:${vectorCertificate(key).fingerprint.replaceAll(":", "").toLowerCase()}`;

/** A certificate for the vectors' key, by days from now. */
function made(from: number, to: number): string {
  const now = Date.now();
  return selfSignedCertificate(vectorPrivateKey("rsa2048"), {
    commonName: "",
    notBefore: now + from * day,
    notAfter: now + to * day,
    serial: random(16),
  });
}

const rules = (fields: string): string =>
  `kseal:\n  clusters:\n    - name: prod\n      ${fields}\n  sealing:\n    - {path_regex: ^prod/, cluster: prod, scope: namespace-wide}\n`;

describe("finding the certificate", () => {
  test("of a flag, as a path or an address of a file", async () => {
    const { context, host } = await workbench({ "c.pem": old });
    const url = new URL(`file://${host.resolve("c.pem")}`).href;
    for (const cert of ["c.pem", url]) {
      const found = await findCertificate({ cert, file: "a.yaml" }, context);
      expect(found.certificate.fingerprint).toBe(vectorCertificate("rsa2048").fingerprint);
      expect(found).toMatchObject({ origin: cert, warnings: [], scope: undefined });
    }
  });

  test("of the rule for a path, relative to .sops.yaml, with its scope", async () => {
    const { context } = await workbench({
      ".sops.yaml": rules(`certificate: certs/prod.pem\n      fingerprint: ${pinOf("rsa2048")}`),
      "certs/prod.pem": old,
      "prod/x": "",
    });
    expect(await findCertificate({ file: "prod/db.yaml" }, context)).toMatchObject({
      cluster: "prod",
      scope: "namespace-wide",
      origin: "certs/prod.pem",
    });
  });

  test("a flag for the certificate leaves the scope of the rule", async () => {
    const { context } = await workbench({ ".sops.yaml": rules("certificate: none.pem"), "c.pem": old });
    expect(await findCertificate({ cert: "c.pem", file: "prod/a" }, context)).toMatchObject({
      scope: "namespace-wide",
      origin: "c.pem",
    });
  });

  test("the newest valid one of several self-signed ones is taken", async () => {
    const newest = made(-1, 300);
    const { context } = await workbench({ "c.pem": made(-60, 300) + newest + made(-30, -1) + made(1, 300) });
    const { certificate } = await findCertificate({ cert: "c.pem", file: "a" }, context);
    expect(certificate.pem).toBe(newest);
  });

  test("the pinned one of several is taken, also when it is not the newest", async () => {
    const { context } = await workbench({ "c.pem": made(0, 300) + old });
    const { certificate } = await findCertificate(
      { cert: "c.pem", certFingerprint: pinOf("rsa2048"), file: "a" },
      context,
    );
    expect(certificate.pem).toBe(old);
  });

  test("that expires within a month is told, and none is that does not", async () => {
    const { context } = await workbench({ "soon.pem": made(-1, 12.5), "late.pem": made(-300, 31) });
    expect((await findCertificate({ cert: "soon.pem", file: "a" }, context)).warnings).toEqual([
      "the certificate expires in 12 days",
    ]);
    expect((await findCertificate({ cert: "late.pem", file: "a" }, context)).warnings).toEqual([]);
  });

  const bad: readonly (readonly [string, string, RegExp | string])[] = [
    ["expired", made(-300, -2), /^c\.pem: the certificate expired on \d{4}-\d\d-\d\d$/],
    ["not yet valid", made(2, 300), /^c\.pem: the certificate is not valid before \d{4}-\d\d-\d\d$/],
    ["text", "hello", "failed to read any certificates"],
    ["a private key", sealedVector("rsa2048.key.pem"), "failed to read any certificates"],
    [
      "another than the pinned one",
      sealedVector("rsa4096.crt.pem"),
      `the certificate of c.pem is not the pinned one: its fingerprint is ${pinOf("rsa4096")}`,
    ],
  ];

  test.for(bad)("a certificate that is %s is refused", async ([, pem, message]) => {
    const { context } = await workbench({ "c.pem": pem });
    const certFingerprint =
      typeof message === "string" && message.includes("pinned") ? pinOf("rsa2048") : undefined;
    const failure = await failureOf(findCertificate({ cert: "c.pem", certFingerprint, file: "a" }, context));
    expect(failure.code).toBe("CERTIFICATE_INVALID");
    expect(failure.message).toMatch(message);
    expect(failure.hint).toBeTruthy();
  });

  test("nothing is guessed where nothing says for which cluster", async () => {
    const { context } = await workbench({ ".sops.yaml": rules("context: prod") });
    expect(await failureOf(findCertificate({ file: "dev/a.yaml" }, context))).toMatchObject({
      code: "CONFIG_NOT_FOUND",
      message: "nothing says for which cluster to seal",
    });
    expect(await failureOf(findCertificate({ file: "prod/a.yaml" }, context))).toMatchObject({
      code: "CONFIG_NOT_FOUND",
      message: "the cluster prod has no certificate in .sops.yaml",
    });
  });

  test("a fingerprint that is none is a mistake of the command line", async () => {
    const { context } = await workbench({ "c.pem": old });
    expect(
      await failureOf(findCertificate({ cert: "c.pem", certFingerprint: "SHA256:abc", file: "a" }, context)),
    ).toMatchObject({ code: "USAGE" });
  });
});

describe("a certificate from an address", () => {
  async function serve(status: number, body: string): Promise<string> {
    const server = createServer((_, response) => response.writeHead(status, { location: "/x" }).end(body));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/cert.pem`;
  }

  test("is taken when its fingerprint is given", async () => {
    const cert = await serve(200, old);
    const { context } = await workbench({});
    expect(
      await findCertificate({ cert, certFingerprint: pinOf("rsa2048"), file: "a" }, context),
    ).toMatchObject({ origin: cert });
  });

  test("is refused without, before anything is asked", async () => {
    const { context } = await workbench({});
    expect(
      await failureOf(findCertificate({ cert: "https://127.0.0.1:1/cert.pem", file: "a" }, context)),
    ).toMatchObject({
      code: "CERTIFICATE_INVALID",
      message: "the certificate of https://127.0.0.1:1/cert.pem would be trusted without knowing whose it is",
    });
  });

  test("is refused when it is another one", async () => {
    const cert = await serve(200, sealedVector("rsa4096.crt.pem"));
    const { context } = await workbench({});
    expect(
      await failureOf(findCertificate({ cert, certFingerprint: pinOf("rsa2048"), file: "a" }, context)),
    ).toMatchObject({ code: "CERTIFICATE_INVALID" });
  });

  test("is shown without, since showing trusts nobody", async () => {
    const place = await serve(200, old);
    const { context } = await workbench({});
    expect(await showCertificates({ place }, context)).toMatchObject([
      { fingerprint: pinOf("rsa2048"), bits: 2048, state: "valid", subject: "" },
    ]);
  });

  test.for([
    [404, "status 404"],
    [302, "it is elsewhere (status 302), and redirects are not followed"],
  ] as const)("with status %i is none", async ([status, reason]) => {
    const cert = await serve(status, "");
    const { context } = await workbench({});
    expect(
      await failureOf(findCertificate({ cert, certFingerprint: pinOf("rsa2048"), file: "a" }, context)),
    ).toMatchObject({
      code: "KEY_SOURCE_FAILED",
      message: `cannot fetch the certificate from ${cert}: ${reason}`,
    });
  });
});

describe("checking", () => {
  test("tells what is wrong with each cluster's certificate", async () => {
    const { context } = await workbench({
      ".sops.yaml": `kseal:\n  clusters:\n    - {name: good, certificate: good.pem}\n    - {name: late, certificate: late.pem}\n    - {name: other, certificate: good.pem, fingerprint: ${pinOf("rsa4096")}}\n    - {name: broken, certificate: broken.pem}\n`,
      "good.pem": made(-1, 300),
      "late.pem": made(-300, -1),
      "broken.pem": "hello",
    });
    const checked = await checkCertificates({}, context);
    expect(checked.map(({ title, problems, notes }) => [title, problems.length, notes])).toEqual([
      ["good", 0, []],
      ["late", 1, [expect.stringMatching("301 days old|300 days old")]],
      ["other", 1, []],
      ["broken", 1, []],
    ]);
    expect(checked[1]?.problems).toEqual([expect.stringMatching("^it expired on ")]);
    expect(checked[2]?.problems).toEqual([`it is not the pinned one, which is ${pinOf("rsa4096")}`]);
    expect(checked[3]?.problems).toEqual(["failed to read any certificates"]);
  });

  test("an old certificate is worth a word, and no mistake", async () => {
    const { context } = await workbench({ "c.pem": made(-47, 300) });
    expect(await checkCertificates({ place: "c.pem" }, context)).toMatchObject([
      {
        problems: [],
        notes: ["it is 47 days old, and clusters make a new key every 30 days: compare with --fetch"],
      },
    ]);
  });

  test("a cluster that .sops.yaml does not have is corrected", async () => {
    const { context } = await workbench({ ".sops.yaml": rules("certificate: c.pem") });
    expect(await failureOf(checkCertificates({ name: "prd" }, context))).toMatchObject({
      code: "CONFIG_NOT_FOUND",
      hint: "did you mean prod?",
    });
  });
});

describe("pinning", () => {
  const options = { dryRun: false } as const;

  test("writes a new .sops.yaml, and the certificate's place and fingerprint into it", async () => {
    const { context, read } = await workbench({ "certs/prod.pem": old });
    const result = await pinCertificate({ ...options, name: "prod", place: "certs/prod.pem" }, context);
    expect(result).toMatchObject({ isWritten: true, writtenTo: undefined, hasRule: true });
    expect(await read(".sops.yaml")).toBe(
      `kseal:\n  clusters:\n    - name: prod\n      certificate: certs/prod.pem\n      fingerprint: ${pinOf("rsa2048")}\n  sealing:\n    - cluster: prod\n`,
    );
  });

  test("leaves every other byte of .sops.yaml as it was", async () => {
    const before = `# our rules\ncreation_rules:\n  - path_regex: a   # odd  spacing\n    age: &ada age1aqpntlhqy6fzuw8mwaezzy2j6vp42prgehqnl0uuq042js8r54csvu3d29\n  - age: *ada\n\nkseal:\n  clusters:\n    # the one\n    - name: prod\n      certificate: prod.pem\n      fingerprint: ${pinOf("rsa4096")} # old\n  sealing:\n    - cluster: prod\n\n# the end\n`;
    const { context, read } = await workbench({ ".sops.yaml": before, "prod.pem": old });
    await pinCertificate({ ...options, name: "prod", place: "prod.pem" }, context);
    expect(await read(".sops.yaml")).toBe(before.replace(pinOf("rsa4096"), pinOf("rsa2048")));

    await pinCertificate({ ...options, name: "dev", place: "prod.pem", pathRegex: "^dev/" }, context);
    const after = await read(".sops.yaml");
    expect(after.split("\n").filter((line) => !before.split("\n").includes(line))).toEqual([
      `      fingerprint: ${pinOf("rsa2048")} # old`,
      "    - name: dev",
      `      fingerprint: ${pinOf("rsa2048")}`,
      "    - path_regex: ^dev/",
      "      cluster: dev",
    ]);
    // A rule for every file stays the last, or the new one would never match.
    expect(await findCertificate({ file: "dev/a" }, context)).toMatchObject({ cluster: "dev" });
    expect(await findCertificate({ file: "x" }, context)).toMatchObject({ cluster: "prod" });
  });

  test("adds no rule that is there already", async () => {
    const { context, read } = await workbench({ "c.pem": old });
    const pin = { ...options, name: "prod", place: "c.pem", pathRegex: "^prod/" };
    await pinCertificate(pin, context);
    const once = await read(".sops.yaml");
    expect(await pinCertificate(pin, context)).toMatchObject({ isWritten: true, hasRule: true });
    expect(await read(".sops.yaml")).toBe(once);

    await pinCertificate({ ...pin, pathRegex: "^more/" }, context);
    expect((await read(".sops.yaml")).slice(once.length)).toBe(
      "    - path_regex: ^more/\n      cluster: prod\n",
    );
  });

  test("writes nothing in a dry run", async () => {
    const { context, host } = await workbench({ "c.pem": old });
    const result = await pinCertificate(
      { dryRun: true, name: "prod", place: "c.pem", out: "d.pem" },
      context,
    );
    expect(result.writtenTo).toBe("d.pem");
    expect(await host.stat("d.pem")).toBeUndefined();
    expect(await host.stat(".sops.yaml")).toBeUndefined();
  });

  test("hands out the lines where .sops.yaml cannot be changed without changing more", async () => {
    const before = `x-list: &list\n  - name: prod\n    certificate: c.pem\nkseal:\n  clusters: *list\n`;
    const { context, read } = await workbench({ ".sops.yaml": before, "c.pem": old });
    const result = await pinCertificate({ ...options, name: "prod", place: "c.pem" }, context);
    if (result.isWritten) {
      // Then at least nothing else changed its meaning.
      expect(await read(".sops.yaml")).toContain("x-list");
    } else {
      expect(await read(".sops.yaml")).toBe(before);
      expect(result.lines).toContain(`fingerprint: ${pinOf("rsa2048")}`);
    }
  });

  test("an expired certificate is not pinned", async () => {
    const { context, host } = await workbench({ "c.pem": made(-3, -1) });
    expect(
      await failureOf(pinCertificate({ ...options, name: "prod", place: "c.pem" }, context)),
    ).toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
    expect(await host.stat(".sops.yaml")).toBeUndefined();
  });
});

describe("keygen --sealing", () => {
  const options = {
    bits: 2048,
    validFor: 365 * day,
    commonName: "",
    namespace: "kube-system",
    dryRun: false,
  };
  const openssl = peer("openssl");
  const kubeseal = peer("kubeseal");

  test("makes a Secret in which a controller finds the key, and kseal too", async () => {
    const { context, host, read } = await workbench({});
    const result = await makeSealingKey({ ...options, out: "key.yaml", certOut: "cert.pem" }, context);
    expect((await host.stat("key.yaml"))?.mode).toBe(0o600);
    expect(await read("key.yaml")).toMatch(
      /generateName: sealed-secrets-key\n {2}labels:\n {4}sealedsecrets\.bitnami\.com\/sealed-secrets-key: active\n {2}namespace: kube-system\ntype: kubernetes\.io\/tls\n$/,
    );
    const { keys } = await loadSealingKeys(["key.yaml"], context);
    expect(keys).toMatchObject([{ fingerprint: result.certificate.keyFingerprint, label: "active" }]);
    const { certificate } = await findCertificate({ cert: "cert.pem", file: "a" }, context);
    expect(certificate.keyFingerprint).toBe(result.certificate.keyFingerprint);
    expect(certificate.notAfter - certificate.notBefore).toBe(365 * day);
  });

  test("never replaces a file", async () => {
    const { context, read } = await workbench({ "key.yaml": "mine" });
    for (const [place, lost] of [
      [{ out: "key.yaml" }, "a key in it could be lost"],
      [{ out: "new.yaml", certOut: "key.yaml" }, "what is in it would be lost"],
    ] as const) {
      expect(await failureOf(makeSealingKey({ ...options, ...place }, context))).toMatchObject({
        code: "OUTPUT_UNWRITABLE",
        message: `the file exists, and ${lost}`,
      });
    }
    expect(await read("key.yaml")).toBe("mine");
  });

  test.for([
    [{ bits: 1024 }, "a sealing key has 2048 to 8192 bits"],
    [{ validFor: 0 }, "a certificate is valid for 1 hour to 100 years"],
    [{ commonName: "a\nb" }, "a common name has at most 64 visible characters"],
    [{ namespace: "Kube System" }, "the namespace is no name that Kubernetes takes"],
    [{ name: "-" }, "the name is none that Kubernetes takes"],
  ] as const)("refuses %j", async ([wrong, message]) => {
    const { context } = await workbench({});
    expect(await failureOf(makeSealingKey({ ...options, ...wrong }, context))).toMatchObject({
      code: "USAGE",
      message,
    });
  });

  test.skipIf(openssl === undefined)("openssl accepts the certificate and the key", async () => {
    const { context, host } = await workbench({});
    const { certificate } = await makeSealingKey(
      { ...options, commonName: "sealing for prod", out: "key.yaml", certOut: "cert.pem" },
      context,
    );
    const said = execFileSync(openssl!, [
      ...[
        "x509",
        "-in",
        host.resolve("cert.pem"),
        "-noout",
        "-fingerprint",
        "-sha256",
        "-subject",
        "-serial",
      ],
    ]).toString();
    expect(said.replaceAll(":", "").toLowerCase()).toContain(certificate.fingerprint.slice("sha256:".length));
    expect(said).toContain("sealing for prod");
    expect(said).toContain(`serial=${certificate.serial}`);
    execFileSync(openssl!, ["verify", "-CAfile", host.resolve("cert.pem"), host.resolve("cert.pem")]);
  });

  test.skipIf(kubeseal === undefined)("the real kubeseal seals and opens with them", async () => {
    const { context, read } = await workbench({});
    await makeSealingKey({ ...options, out: "key.yaml", certOut: "cert.pem" }, context);
    const folder = makeFolder({ "key.yaml": await read("key.yaml"), "cert.pem": await read("cert.pem") });
    onTestFinished(() => removeFolder(folder));
    const secret =
      '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"b"},"stringData":{"x":"y"}}';
    const sealed = execFileSync(kubeseal!, ["--cert", join(folder, "cert.pem")], { input: secret });
    const opened = execFileSync(
      kubeseal!,
      ["--recovery-unseal", "--recovery-private-key", join(folder, "key.yaml")],
      { input: sealed },
    );
    expect(JSON.parse(opened.toString())).toMatchObject({ data: { x: "eQ==" } });
  });
});

describe.skipIf(!hasCluster || !hasBitnamiController)("with a real cluster and its controller", () => {
  let cluster: TestCluster;
  let served: string;
  beforeAll(async () => {
    cluster = await startCluster({ controllerManager: false });
    served = await (await addBitnamiController(cluster)).certificate();
  }, 120_000);
  afterAll(() => cluster?.stop());

  const ofCluster = () => ({ cluster: { options: { kubeconfig: cluster.kubeconfig } } });

  test("its certificate is fetched, and found equal or different", async () => {
    const { context } = await workbench({ "mine.pem": served, "other.pem": old });
    const { certificate } = await fetchCertificate({ fetch: true, ...ofCluster() }, context);
    expect(certificate.pem).toBe(served);
    const check = (place: string) => checkCertificates({ place, fetch: true, ...ofCluster() }, context);
    expect(await check("mine.pem")).toMatchObject([{ problems: [] }]);
    expect((await check("other.pem"))[0]?.problems).toEqual([
      expect.stringMatching(/ serves another one since 20.*: sha256:[0-9a-f]{64}$/),
    ]);
  });

  test("it is pinned, and another one in its place is refused from then on", async () => {
    const { context, read } = await workbench({});
    await pinCertificate({ name: "prod", dryRun: false, ...ofCluster() }, context);
    expect(await read("certs/prod.pem")).toBe(served);
    expect(await findCertificate({ file: "a", ...ofCluster() }, context)).toMatchObject({ cluster: "prod" });
    const text = await read(".sops.yaml");
    const { context: later } = await workbench({
      ".sops.yaml": text.replace(/sha256:\w+/, pinOf("rsa2048")),
      "certs/prod.pem": served,
    });
    expect(await failureOf(findCertificate({ file: "a", ...ofCluster() }, later))).toMatchObject({
      code: "CERTIFICATE_INVALID",
      message: expect.stringMatching(/ is not the pinned one: its fingerprint is sha256:/),
    });
  });

  test("verify asks it whether values open", async () => {
    const secret = readSecret({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "db", namespace: "prod" },
      stringData: { password: "correct horse" },
    });
    const seal = (pem: string) => {
      const [{ publicKey } = vectorCertificate("rsa2048")] = readCertificates(pem);
      return JSON.stringify(sealedSecretObject(sealSecret(secret, { publicKey, random }).sealed));
    };
    const { context } = await workbench({ "a.json": seal(served), "b.json": seal(old) });
    const { objects, findings } = await verifyFiles(
      { paths: ["a.json", "b.json"], keys: [], online: true, ...ofCluster() },
      context,
    );
    expect(objects.map(({ opensInCluster }) => opensInCluster)).toEqual([true, false]);
    expect(findings).toMatchObject([{ rule: "cluster-refuses", file: "b.json", object: "prod/db" }]);
  });
});
