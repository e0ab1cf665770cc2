import { execFileSync } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderTemplate } from "../../src/gotemplate/render.ts";
import { sprigFunctions } from "../../src/gotemplate/sprig.ts";
import { GoError, type World } from "../../src/gotemplate/value.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { peer } from "../support/peers.ts";
import { secretData, testWorld } from "./functions.ts";
import { askOracle } from "./oracle.ts";

/*
 * Certificates and hashed passwords of templates: nothing that they return is the same twice, so Go's own parsers say
 * what is in them, and Go's Sprig what should be.
 */

const oracle = peer("template-oracle");
const vector = (name: string): string =>
  readFileSync(new URL(`../vectors/sealed-secrets/${name}`, import.meta.url), "utf8");
const now = Date.parse("2026-11-21T10:20:30Z");
// Throwaway keys, as the vectors are; RSA is Sealed Secrets' own vector.
const keys = {
  rsa: vector("rsa2048.key.pem"),
  ecdsa: render('{{genPrivateKey "ecdsa"}}'),
  ed25519: render('{{genPrivateKey "ed25519"}}'),
};
const data = { ...keys, cert: vector("rsa2048.crt.pem") };

function world(limits: { readonly steps?: number } = {}): World {
  return {
    ...testWorld({ steps: 20_000_000, ...limits }),
    now: () => now,
    random: (length) => randomBytes(length),
  };
}

function render(text: string, values: Readonly<Record<string, string>> = {}, limits = {}): string {
  return renderTemplate("k", text, secretData(values), sprigFunctions, world(limits));
}

/** Certificate, key and the certificate that signed: three texts in PEM. */
function issue(text: string): { certificate: string; key: string; roots: string } {
  const [certificate = "", key = "", roots = ""] = render(text, data).split("|");
  return { certificate, key, roots };
}

const ip = '(list "127.0.0.1" "2001:db8::1" "::ffff:10.0.0.1")';
const dns = '(list "a.example" "*.b.example")';
const self = "{{.Cert}}|{{.Key}}|{{.Cert}}{{end}}";
const templates: readonly (readonly [string, string])[] = [
  ["genCA", `{{with genCA "an authority" 365}}${self}`],
  ["genCA that names nobody, in the past", `{{with genCA "" -3}}${self}`],
  ["genCAWithKey of an RSA key", `{{with genCAWithKey "é*" 365 .rsa}}${self}`],
  ["genCAWithKey of an EC key", `{{with genCAWithKey "ca" 100000 .ecdsa}}${self}`],
  ["genCAWithKey of an Ed25519 key", `{{with genCAWithKey "ca" 36500 .ed25519}}${self}`],
  ["genSelfSignedCert", `{{with genSelfSignedCert "a.example" ${ip} ${dns} 30}}${self}`],
  ["genSelfSignedCert without names", `{{with genSelfSignedCert "" ${ip} nil 30}}${self}`],
  ["genSelfSignedCertWithKey", `{{with genSelfSignedCertWithKey "a.example" nil ${dns} 30 .ecdsa}}${self}`],
  [
    "genSignedCert",
    `{{$ca := genCA "ca" 365}}{{with genSignedCert "a.example" ${ip} ${dns} 30 $ca}}{{.Cert}}|{{.Key}}|{{$ca.Cert}}{{end}}`,
  ],
  [
    "genSignedCertWithKey, by an EC authority",
    `{{$ca := genCAWithKey "ca" 365 .ecdsa}}{{with genSignedCertWithKey "a.example" ${ip} ${dns} 30 $ca .ed25519}}{{.Cert}}|{{.Key}}|{{$ca.Cert}}{{end}}`,
  ],
  [
    "genSignedCert by an authority of buildCustomCert",
    `{{$ca := buildCustomCert (b64enc .cert) (b64enc .rsa)}}{{with genSignedCert "a.example" ${ip} nil 30 $ca}}{{.Cert}}|{{.Key}}|{{$ca.Cert}}{{end}}`,
  ],
];

describe.skipIf(oracle === undefined)("Go's x509 finds in a certificate what Sprig puts there:", () => {
  test.for(templates)("%s", ([, text]) => {
    const program = oracle ?? "";
    const ours = issue(text);
    const [theirs] = askOracle(program, [{ text, data }]);
    const [certificate = "", key = ""] = Buffer.from(theirs?.output ?? "", "base64")
      .toString()
      .split("|");
    const [mine, wanted] = askOracle(program, [
      { certificate: { certificate: ours.certificate, key: ours.key } },
      { certificate: { certificate, key } },
    ]);
    const fields = (answer: typeof mine) =>
      JSON.parse(Buffer.from(answer?.output ?? "", "base64").toString());
    expect(mine?.error).toBe("");
    expect(fields(mine)).toEqual(fields(wanted));
  });

  test("a server's certificate is good for its names and addresses under its authority, and no others", () => {
    const [, text = ""] = templates.find(([name]) => name === "genSignedCert") ?? [];
    const { certificate, roots } = issue(text);
    const check = (host: string) => ({
      certificate: { certificate, roots, host, time: new Date(now + 1000).toISOString() },
    });
    const hosts = [
      "a.example",
      "x.b.example",
      "127.0.0.1",
      "2001:db8::1",
      "10.0.0.1",
      "c.example",
      "127.0.0.2",
    ];
    const answers = askOracle(oracle ?? "", hosts.map(check));
    expect(answers.slice(0, 5).map(({ error }) => error)).toEqual(["", "", "", "", ""]);
    expect(answers.slice(5).map(({ error }) => error)).toEqual([
      "x509: certificate is valid for a.example, *.b.example, not c.example",
      "x509: certificate is valid for 127.0.0.1, 2001:db8::1, 10.0.0.1, not 127.0.0.2",
    ]);
  });

  test("golang.org/x/crypto accepts the hashes of bcrypt and htpasswd, and only with their password", () => {
    const password = "pässwörd \u0000 with a zero";
    const hash = render("{{bcrypt .p}}", { p: password });
    const [user, line = ""] = render('{{htpasswd "user" .p}}', { p: password }).split(":");
    expect(user).toBe("user");
    const [first, second, wrong] = askOracle(oracle ?? "", [
      { password: { password, hash } },
      { password: { password, hash: line } },
      { password: { password: `${password}.`, hash } },
    ]);
    expect([first?.error, second?.error]).toEqual(["", ""]);
    expect(wrong?.error).toBe("crypto/bcrypt: hashedPassword is not the hash of the given password");
  });
});

describe("openssl accepts", () => {
  let folder = "";
  beforeAll(() => {
    folder = makeFolder();
  });
  afterAll(() => {
    removeFolder(folder);
  });

  // Not what has expired, nor what a sealing key signed, which says that it is not for signing.
  test.for(templates.filter(([name]) => !/past|buildCustomCert/.test(name)))("%s", ([, text]) => {
    const { certificate, roots } = issue(text);
    writeFileSync(join(folder, "cert.pem"), certificate);
    writeFileSync(join(folder, "roots.pem"), roots);
    const time = String(now / 1000 + 60);
    const args = ["verify", "-attime", time, "-partial_chain", "-trusted", "roots.pem", "cert.pem"];
    expect(execFileSync("openssl", args, { cwd: folder, encoding: "utf8" })).toBe("cert.pem: OK\n");
  });
});

test("a certificate begins now, ends in so many days, and has a serial number of its own", () => {
  const [first, second] = [1, 2].map(
    () => new X509Certificate(render('{{(genCAWithKey "x" 2 .ecdsa).Cert}}', data)),
  );
  expect(first?.validFromDate.getTime()).toBe(now);
  expect(first?.validToDate.getTime()).toBe(now + 2 * 86_400_000);
  expect(first?.serialNumber).not.toBe(second?.serialNumber);
});

test("a certificate has the fields, type and JSON of Sprig's struct", () => {
  const template =
    '{{$c := genCAWithKey "x" 1 .ecdsa}}{{kindOf $c}} {{typeOf $c}} {{eq ($c | toJson | fromJson).Key .ecdsa}} {{eq (print $c) (printf "{%s %s}" $c.Cert $c.Key)}}';
  expect(render(template, data)).toBe("struct sprig.certificate true true");
});

test("bcrypt has cost 10 and a salt of its own", () => {
  const [first = "", second = ""] = render('{{bcrypt "x"}} {{bcrypt "x"}}').split(" ");
  expect(first).toMatch(/^\$2a\$10\$[./A-Za-z0-9]{53}$/);
  expect(first).not.toBe(second);
  expect([compareSync("x", first), compareSync("y", first)]).toEqual([true, false]);
});

const wrong: readonly (readonly [string, string])[] = [
  ['{{genSelfSignedCert "x" (list 1) nil 3}}', "genSelfSignedCert: error parsing ip: 1 is not a string"],
  ['{{genSelfSignedCert "x" (list "1.2.3.400") nil 3}}', "error parsing ip: 1.2.3.400"],
  ['{{genSelfSignedCert "x" (list "::1%eth0") nil 3}}', "error parsing ip: ::1%eth0"],
  ['{{genSelfSignedCert "x" nil (list 1) 3}}', "error processing alternate dns name: 1 is not a string"],
  [
    '{{genSelfSignedCert "x" nil (list "é") 3}}',
    'error creating certificate: x509: "é" cannot be encoded as an IA5String',
  ],
  ['{{genCAWithKey "\\xff" 3 .ecdsa}}', "error creating certificate: asn1: string not valid UTF-8"],
  ['{{genSignedCert "x" nil nil 3 nil}}', "cannot assign nil to sprig.certificate"],
  ['{{genSignedCert "x" nil nil 3 "a"}}', 'can\'t handle "a" for arg of type sprig.certificate'],
  ['{{genCAWithKey "x" 3 "foo"}}', "parsing private key: no PEM data in input"],
  [
    '{{genCAWithKey "x" 3 .cert}}',
    "parsing private key: no private key data in PEM block of type CERTIFICATE",
  ],
  ['{{buildCustomCert "x" "y"}}', "unable to decode base64 certificate"],
  ['{{buildCustomCert "eA==" "y"}}', "unable to decode base64 private key"],
  ['{{buildCustomCert "eA==" "eA=="}}', "unable to decode certificate"],
  ['{{buildCustomCert (b64enc .cert) "eA=="}}', "error parsing private key: no PEM data in input"],
  [
    '{{buildCustomCert (b64enc .cert) (b64enc .ecdsa) | genSignedCert "x" nil nil 3}}',
    "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey",
  ],
];

describe("what is wrong is refused in Sprig's words:", () => {
  test.for(wrong)("%s", ([text, message]) => {
    expect(() => render(text, data)).toThrow(GoError);
    expect(() => render(text, data)).toThrow(message);
    if (oracle !== undefined) expect(askOracle(oracle, [{ text, data }])[0]?.error).toContain(message);
  });
});

test.for([
  '{{genCA "x" 1}}',
  '{{bcrypt "x"}}',
  '{{htpasswd "a" "x"}}',
  '{{genSelfSignedCert "x" nil nil 1}}',
])("%s is paid for in steps", (text) => {
  expect(() => render(text, {}, { steps: 50_000 })).toThrow("the template takes too long");
});
