import { encryptFiles } from "../../src/ops/encrypt.ts";
import { sealSecret } from "../../src/sealed/seal-secret.ts";
import { sealedSecretObject } from "../../src/sealed/sealed-secret.ts";
import { readSecret } from "../../src/sealed/secret.ts";
import { random, vectorCertificate } from "../support/sealed.ts";
import { projectSecrets, projects } from "./check-corpus-projects.ts";
import { inPlace, mine, type Workbench, workbench } from "./workbench.ts";

/*
 * A repository in which nothing is wrong, in the shapes of manifests that well-known projects use: everything that a
 * careless search for secrets takes for one.
 */

const digest = "3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855f";
const base64 = `iVBORw0KGgo${"AAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ".repeat(8)}=`;

const clear: Readonly<Record<string, string>> = {
  ".sops.yaml": `creation_rules:
  - path_regex: ^secrets/.*
    age: ${mine}
  - path_regex: \\.ya?ml$
    encrypted_regex: ^(data|stringData)$
    age: ${mine}
`,
  "README.md":
    "Put `password: hunter2` into `secrets/`; a file says `ENC[AES256_GCM,data:...]`, with `sops:` and `lastmodified`.\n-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
  "secrets/README.md": "What is in here is encrypted.\n",
  "secrets/.gitignore": "*.dec\n",
  "cert-manager/issuer.yaml": `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: letsencrypt}
spec:
  acme:
    server: https://acme-v02.api.letsencrypt.org/directory
    privateKeySecretRef: {name: letsencrypt-account-key-0A1b2C3d4E5f6G7h}
    solvers:
      - dns01: {cloudflare: {apiTokenSecretRef: {name: cloudflare-api-token, key: api-token}}}
`,
  "argo-cd/cm.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd}
data:
  url: https://argo.example.com
  oidc.config: |
    name: Okta
    clientID: 0oa1b2c3d4E5F6g7H8i9
    clientSecret: $oidc.okta.clientSecret
  accounts.ci: apiKey, login
`,
  "argo-cd/repository.yaml": `apiVersion: v1
kind: Secret
metadata:
  name: shop
  labels: {argocd.argoproj.io/secret-type: repository}
stringData: {type: git, url: "https://git.example.com/shop.git", project: shop}
`,
  "argo-cd/vault-plugin.yaml": `apiVersion: v1
kind: Secret
metadata: {name: shop}
stringData: {password: "<path:kv/data/shop#password>"}
data: {token: "{{ .Values.token | b64enc }}"}
`,
  "flux/substituted.yaml": `apiVersion: v1
kind: Secret
metadata: {name: cluster}
stringData: {domain: "\${SECRET_DOMAIN}", url: "postgres://app:\${DB_PASSWORD}@db/app"}
`,
  "ingress-nginx/ingress.yaml": `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations: {nginx.ingress.kubernetes.io/auth-secret: basic-auth-Xy12Zw34Ab56Cd78}
spec:
  tls: [{hosts: [shop.example.com], secretName: shop-tls-9fk2b7d4c6m8}]
`,
  "prometheus/deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: prometheus
  uid: 6f9619ff-8b86-d011-b42d-00c04fc964ff
spec:
  template:
    metadata:
      annotations:
        checksum/secret: ${digest}
        checksum/config: ${digest}
    spec:
      containers:
        - image: quay.io/prometheus/prometheus@sha256:${digest}
          env:
            - name: PASSWORD
              valueFrom: {secretKeyRef: {name: db, key: password}}
`,
  "grafana/values.yaml": `adminPassword: ""
admin: {existingSecret: grafana-admin, userKey: admin-user, passwordKey: admin-password}
postgres: {url: "postgres://user:password@localhost/db", password: changeme-changeme-Changeme-12}
smtp: {password: "<your password>"}
image: {tag: 11.2.0, digest: "sha256:${digest}"}
`,
  "harbor/templates/secret.yaml": `apiVersion: v1
kind: Secret
metadata:
  name: {{ include "harbor.fullname" . }}
data:
  secretKey: {{ .Values.secretKey | b64enc | quote }}
`,
  "linkerd/trust-anchor.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: linkerd-identity-trust-roots}
data:
  ca-bundle.crt: |
    -----BEGIN CERTIFICATE-----
    MIIBjDCCATOgAwIBAgIBATAKBggqhkjOPQQDAjAlMSMwIQYDVQQDExppZGVudGl0
    -----END CERTIFICATE-----
`,
  "logo/configmap.yaml": `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: logo}\nbinaryData:\n  logo.png: ${base64}\n`,
  "service-account/token.yaml":
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: ci\n  annotations: {kubernetes.io/service-account.name: ci}\ntype: kubernetes.io/service-account-token\n",
  "external-secrets/store.yaml": `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db}
spec:
  secretStoreRef: {name: vault, kind: ClusterSecretStore}
  data: [{secretKey: password, remoteRef: {key: prod/db, property: password}}]
`,
  "kustomize/kustomization.yaml": `resources: [../argo-cd/cm.yaml]
secretGenerator:
  - name: db
    envs: [db.enc.env]
    files: [tls.crt, settings=db.enc.json]
  - name: empty
    literals: ["password=", "url=\${URL}"]
configMapGenerator:
  - name: web
    literals: [LOG_LEVEL=debug]
patches:
  - patch: |
      apiVersion: v1
      kind: Secret
      metadata: {name: old}
      $patch: delete
  - target: {kind: Deployment}
    patch: |
      - op: replace
        path: /spec/replicas
        value: 3
`,
  "kustomize/tls.crt":
    "-----BEGIN CERTIFICATE-----\nMIIBjDCCATOgAwIBAgIBATAKBggqhkjOPQQDAjAl\n-----END CERTIFICATE-----\n",
  "package-lock.json": `{"packages":{"node_modules/a":{"integrity":"sha512-${base64.slice(0, 86)}==","token":"aB3dE5gH7jK9mN1pQ2rS4tU6vW8x"}}}\n`,
  "src/client.ts":
    "const token = process.env.TOKEN;\nconst secret = createHmacSecretFromEnvironment0123();\nconst kind = 'kind: Secret';\n",
  ".github/workflows/ci.yml":
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is one of GitHub
    "on: push\njobs:\n  a:\n    env: {TOKEN: '${{ secrets.GITHUB_TOKEN }}'}\n    steps: [{uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683}]\n",
  "docker/compose.yaml":
    "services:\n  db:\n    image: postgres:17\n    environment: {POSTGRES_PASSWORD_FILE: /run/secrets/db}\n",
  "terraform/.terraform.lock.hcl": `provider "x" {\n  hashes = ["h1:aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA="]\n}\n`,
};

const encrypted: Readonly<Record<string, string>> = {
  ...projectSecrets,
  "secrets/app.yaml": "user: admin\nlist: [1, 2]\nempty: ''\nnothing: null\n",
  "secrets/app.json": '{"user": "admin", "port": 5432}\n',
  "secrets/app.env": "USER=admin\n# a comment\nPASSWORD=correct horse\n",
  "secrets/app.ini": "[db]\nuser = admin\n",
  "secrets/tls.key": "some text of a key\n",
  "flux/db.yaml":
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: correct horse\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: b\ndata:\n  a: aHVudGVyMg==\n",
};

/** The clean repository, encrypted by its own rules. */
export async function cleanRepository(): Promise<Workbench> {
  const bench = await workbench({
    ...clear,
    ...projects,
    ...encrypted,
    "sealed-secrets/db.yaml": sealedSecret(),
    "kustomize/db.enc.env": "PASSWORD=correct horse\n",
    "kustomize/db.enc.json": '{"password": "correct horse"}\n',
    "logo/logo.png": new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 1]),
  });
  const rule = bench.context;
  await encryptFiles({ paths: Object.keys(encrypted), destination: inPlace }, rule);
  // Files of a generator, which no rule of the repository is for by its ending.
  const config = await bench.read(".sops.yaml");
  await bench.write(".sops.yaml", `${config}  - path_regex: \\.enc\\.\n    age: ${mine}\n`);
  await encryptFiles(
    { paths: ["kustomize/db.enc.env", "kustomize/db.enc.json"], destination: inPlace },
    await bench.again(),
  );
  return bench;
}

function sealedSecret(): string {
  const secret = readSecret({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "db", namespace: "prod" },
    stringData: { password: "correct horse", token: "battery staple" },
  });
  const { publicKey } = vectorCertificate("rsa2048");
  return `${JSON.stringify(sealedSecretObject(sealSecret(secret, { publicKey, random }).sealed), null, 2)}\n`;
}
