import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, removeFolder } from "../folders.ts";

/** A server's certificate, signed by itself: who trusts `file` as an authority, trusts the server. PEM texts. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  /** Where `cert` lies, for `SSL_CERT_FILE` and `NODE_EXTRA_CA_CERTS`. */
  readonly file: string;
  remove(): void;
}

/** The hosts of the real services that the tests' servers stand in for, besides this machine. */
const hosts = [
  "*.vault.azure.net",
  "*.managedhsm.azure.net",
  "login.microsoftonline.com",
  "*.eu-west-1.amazonaws.com",
];

/** Makes a certificate for this machine and {@link hosts}, good for a day. */
export function makeCertificate(): TestCertificate {
  const folder = makeFolder();
  const [keyFile, file] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const names = ["IP:127.0.0.1", "DNS:localhost", ...hosts.map((host) => `DNS:${host}`)].join(",");
  const algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const content = ["-subj", "/CN=a server of the tests", "-addext", `subjectAltName=${names}`, "-days", "1"];
  execFileSync("openssl", ["req", "-x509", ...algorithm, ...content, "-keyout", keyFile, "-out", file], {
    stdio: "pipe",
  });
  return {
    cert: readFileSync(file, "utf8"),
    key: readFileSync(keyFile, "utf8"),
    file,
    remove: () => removeFolder(folder),
  };
}
