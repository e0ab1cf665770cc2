import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { makeCertificate, type TestCertificate } from "../support/kms/certificate.ts";
import { type GcpKmsServer, startGcpKms } from "../support/kms/gcp-kms.ts";
import { type GcpKmsGrpcServer, startGcpKmsGrpc } from "../support/kms/gcp-kms-grpc.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { fiveStores, testFiveStores } from "./five-stores.ts";

const sops = peer("sops");
const resourceId = "projects/team/locations/europe-west3/keyRings/sops/cryptoKeys/prod";
const rule = () => `gcp_kms: "${resourceId}"`;

let certificate: TestCertificate;
let rest: GcpKmsServer;
let grpc: GcpKmsGrpcServer;
beforeAll(async () => {
  certificate = makeCertificate();
  rest = await startGcpKms();
  grpc = await startGcpKmsGrpc(certificate);
});
afterAll(async () => {
  await rest.close();
  await grpc.close();
  certificate.remove();
});

const common = () => ({
  PATH: process.env["PATH"] ?? "",
  SOPS_DISABLE_VERSION_CHECK: "1",
  METADATA_SERVER_DETECTION: "none",
  GOOGLE_OAUTH_ACCESS_TOKEN: "of-the-tests",
});
const overRest = () => ({
  ...common(),
  SOPS_GCP_KMS_CLIENT_TYPE: "rest",
  SOPS_GCP_KMS_ENDPOINT: rest.url,
});
const overGrpc = () => ({
  ...common(),
  SOPS_GCP_KMS_CLIENT_TYPE: "grpc",
  SOPS_GCP_KMS_ENDPOINT: grpc.address,
  SSL_CERT_FILE: certificate.file,
  GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: certificate.file,
});

describe.skipIf(sops === undefined)("over REST", () => {
  testFiveStores({ sops: sops ?? "", rule, env: overRest });
});

describe.skipIf(sops === undefined)("over gRPC", () => {
  testFiveStores({ sops: sops ?? "", rule, env: overGrpc });
});

describe.skipIf(sops === undefined)(
  "with the defaults of both, where sops speaks gRPC and kseal REST,",
  () => {
    testFiveStores({
      sops: sops ?? "",
      rule,
      env: (tool) => {
        const { SOPS_GCP_KMS_CLIENT_TYPE: _, ...env } = tool === "sops" ? overGrpc() : overRest();
        return env;
      },
    });
  },
);

test("the entry has the fields and the spelling of sops", async () => {
  const folder = makeFolder({ ...fiveStores, ".sops.yaml": `creation_rules:\n  - { ${rule()} }\n` });
  await runProgram([...ksealCommand(), "encrypt", "-i", "app.yaml"], { cwd: folder, env: overRest() });

  expect(readFileSync(join(folder, "app.yaml"), "utf8")).toMatch(
    /\n {4}gcp_kms:\n {8}- created_at: "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\n {10}enc: [\w+/]+=*\n {10}resource_id: projects\/team\/locations\/europe-west3\/keyRings\/sops\/cryptoKeys\/prod\n {4}lastmodified:/,
  );
  removeFolder(folder);
});

test("one key for many files is asked for over one client, and the data key of a copy not again", async () => {
  const folder = makeFolder({ ".sops.yaml": `creation_rules:\n  - { ${rule()} }\n`, "a.yaml": "a: 1\n" });
  const run = (...args: string[]) =>
    runProgram([...ksealCommand(), ...args], { cwd: folder, env: overRest() });
  await run("encrypt", "-i", "a.yaml");
  const before = rest.requests.length;
  const { status, stderr } = await run("decrypt", "a.yaml", "a.yaml", "--out", "plain");

  expect(status, stderr).toBe(0);
  expect(rest.requests.length - before).toBe(1);
  removeFolder(folder);
});
