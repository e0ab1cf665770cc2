/*
 * What well-known projects have people write, in their shapes and without a secret in clear: references, placeholders,
 * digests, public keys, identifiers, long addresses.
 */

const digest = "5f1d8c3a9be27046d1c2f0a7b94e3865ac12de90f7b3468159cda0e2f6b7184c";
const certificate = "MIIBszCCAVmgAwIBAgIUQ3pYzR9vK2dLmNfXwTe0aBcHjS4wCgYIKoZIzj0EAwIw";
const caBundle = `LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1J${certificate.repeat(6)}Cg==`;
const modulus = "wJ4xVq9TzPm2RkLsYb7NfUe1HdGcAo5iXtQvB3yMj8ZpWr6EuKhSn0FgDaCl_".repeat(5);

/** Manifests and values, in clear. */
export const projects: Readonly<Record<string, string>> = {
  "projects/argo-cd/install.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
data:
  dex.config: |
    connectors:
      - type: github
        id: github
        config:
          clientID: Iv1.8a61f9b3a7aba766
          clientSecret: $dex.github.clientSecret
          orgs: [{name: example}]
  resource.customizations.health.bitnami.com_SealedSecret: |
    hs = {}
    return hs
  repositories: |
    - url: https://git.example.com/platform/very/long/path/to/a/repository/with/many/parts/charts.git
      passwordSecret: {name: git-credentials, key: password}
---
apiVersion: v1
kind: Secret
metadata: {name: argocd-secret, namespace: argocd}
type: Opaque
---
apiVersion: v1
kind: Secret
metadata:
  name: in-cluster
  namespace: argocd
  labels: {argocd.argoproj.io/secret-type: cluster}
stringData: {name: in-cluster, server: "https://kubernetes.default.svc", clusterResources: "true"}
`,
  "projects/cert-manager/cert-manager.yaml": `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: cert-manager-webhook, annotations: {cert-manager.io/inject-ca-from-secret: "cert-manager/cert-manager-webhook-ca"}}
webhooks:
  - name: webhook.cert-manager.io
    clientConfig: {caBundle: ${caBundle}, service: {name: cert-manager-webhook, namespace: cert-manager}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: dns}
spec:
  acme:
    server: https://acme-v02.api.letsencrypt.org/directory
    privateKeySecretRef: {name: acme-account-key}
    externalAccountBinding: {keyID: kid_9Xb2LmQ7ZpR4TnVw, keySecretRef: {name: eab, key: secret}}
    solvers:
      - dns01: {route53: {region: eu-central-1, hostedZoneID: Z0A1B2C3D4E5F6G7H8I9J, accessKeyIDSecretRef: {name: route53, key: access-key-id}, secretAccessKeySecretRef: {name: route53, key: secret-access-key}}}
`,
  "projects/flux/apps.yaml": `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: app, namespace: apps}
spec:
  chart: {spec: {chart: app, version: "1.2.3", sourceRef: {kind: HelmRepository, name: charts}, verify: {provider: cosign, secretRef: {name: cosign-pub}}}}
  valuesFrom:
    - {kind: Secret, name: app-values, valuesKey: password, targetPath: database.password}
  values:
    image: {repository: ghcr.io/example/app, tag: 1.2.3@sha256:${digest}} # {"$imagepolicy": "flux-system:app"}
    database: {existingSecret: app-db, password: ""}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  decryption: {provider: sops, secretRef: {name: sops-age}}
  postBuild: {substituteFrom: [{kind: Secret, name: cluster-secrets}]}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: apps}
spec: {url: "ssh://git@github.com/example/apps", secretRef: {name: flux-system}, interval: 1m}
`,
  "projects/grafana/values.yaml": `admin: {existingSecret: grafana-admin, userKey: admin-user, passwordKey: admin-password}
envValueFrom: {GF_DATABASE_PASSWORD: {secretKeyRef: {name: grafana-db, key: password}}}
grafana.ini:
  auth.generic_oauth: {client_id: grafana, client_secret: $__file{/etc/secrets/auth/client_secret}, token_url: "https://sso.example.com/realms/a/protocol/openid-connect/token"}
  database: {url: "postgres://grafana:\${GF_DATABASE_PASSWORD}@db/grafana"}
  security: {secret_key: "$__env{GF_SECRET_KEY}"}
podAnnotations: {checksum/secret: ${digest}}
datasources:
  datasources.yaml:
    datasources:
      - {name: Loki, type: loki, uid: P8E80F9AEF21F6940, secureJsonData: {httpHeaderValue1: $LOKI_TENANT}}
`,
  "projects/grafana/dashboard.json": `{"uid": "rYdddlPWk9Xc2Lm7", "panels": [{"id": 1, "datasource": {"type": "prometheus", "uid": "PBFA97CFB590B2093"}, "targets": [{"expr": "sum(rate(vault_token_creation{cluster=\\"a\\"}[5m]))", "refId": "A"}]}], "templating": {"list": [{"name": "secret", "query": "label_values(kube_secret_info, secret)"}]}}
`,
  "projects/grafana/ldap.toml": `[[servers]]
host = "ldap.example.com"
bind_dn = "cn=admin,dc=example,dc=com"
bind_password = "\${LDAP_ADMIN_PASSWORD}"
root_ca_cert = "/etc/ssl/certs/ldap-ca.pem"
`,
  "projects/prometheus-operator/monitoring.yaml": `apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: k8s, namespace: monitoring}
spec:
  image: quay.io/prometheus/prometheus:v3.5.0@sha256:${digest}
  additionalScrapeConfigs: {name: additional-scrape-configs, key: prometheus-additional.yaml}
  remoteWrite: [{url: "https://prometheus-prod-01-eu-west-0.grafana.net/api/prom/push", basicAuth: {username: {name: rw, key: user}, password: {name: rw, key: password}}}]
  secrets: [etcd-client-cert]
---
apiVersion: monitoring.coreos.com/v1alpha1
kind: AlertmanagerConfig
metadata: {name: slack}
spec: {receivers: [{name: slack, slackConfigs: [{apiURL: {name: slack-webhook, key: url}, channel: "#alerts"}]}]}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: app}
spec: {endpoints: [{port: web, bearerTokenSecret: {name: app-token, key: token}, tlsConfig: {insecureSkipVerify: true}}], selector: {matchLabels: {app: app}}}
`,
  "projects/external-dns/deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: external-dns, annotations: {deployment.kubernetes.io/revision: "7"}}
spec:
  selector: {matchLabels: {app: external-dns}}
  template:
    metadata: {labels: {app: external-dns, pod-template-hash: 7d9c6b8f5d}}
    spec:
      containers:
        - name: external-dns
          image: registry.k8s.io/external-dns/external-dns@sha256:${digest}
          args: [--provider=cloudflare, --txt-owner-id=9f86d081-884c-4d65-9a2f-eaa0c55ad015, --pihole-password=$(EXTERNAL_DNS_PIHOLE_PASSWORD)]
          env:
            - {name: CF_API_TOKEN, valueFrom: {secretKeyRef: {name: cloudflare-api-token, key: api-token}}}
            - {name: AWS_SHARED_CREDENTIALS_FILE, value: /.aws/credentials}
`,
  "projects/keycloak/keycloak.yaml": `apiVersion: k8s.keycloak.org/v2alpha1
kind: Keycloak
metadata: {name: sso}
spec:
  db: {vendor: postgres, host: db, usernameSecret: {name: keycloak-db, key: username}, passwordSecret: {name: keycloak-db, key: password}}
  http: {tlsSecret: sso-tls}
  bootstrapAdmin: {user: {secret: keycloak-admin-7fk2bd9mxq}}
---
apiVersion: k8s.keycloak.org/v2alpha1
kind: KeycloakRealmImport
metadata: {name: realm}
spec:
  placeholders: {CLIENT_SECRET: {secret: {name: client, key: secret}}}
  realm:
    id: 3f2b9c1e-7a54-4d0b-8c6e-1f9a2b3c4d5e
    clients: [{clientId: web, secret: "\${CLIENT_SECRET}", attributes: {"jwt.credential.certificate": ${certificate}}}]
`,
  "projects/velero/locations.yaml": `apiVersion: velero.io/v1
kind: BackupStorageLocation
metadata: {name: default, namespace: velero}
spec:
  provider: aws
  objectStorage: {bucket: velero-backups-7f3k9d2m, prefix: prod, caCert: ${caBundle}}
  credential: {name: cloud-credentials, key: cloud}
  config: {region: eu-central-1, kmsKeyId: "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", s3Url: "https://s3.example.com"}
`,
  "projects/traefik/middlewares.yaml": `apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: auth}
spec: {basicAuth: {secret: dashboard-auth, removeHeader: true}}
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: forward}
spec: {forwardAuth: {address: "https://auth.example.com/api/verify?rd=https%3A%2F%2Flogin.example.com%2Ffoo%2Fbar%2Fa%2Fvery%2Flong%2Fway", authResponseHeaders: [X-Auth-Request-Access-Token]}}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: dashboard}
spec: {routes: [{match: "Host(\`traefik.example.com\`) && PathPrefix(\`/dashboard\`)", kind: Rule, services: [{name: api@internal, kind: TraefikService}]}], tls: {secretName: dashboard-tls}}
`,
  "projects/longhorn/values.yaml": `defaultSettings:
  backupTarget: s3://backups@eu-central-1/
  backupTargetCredentialSecret: longhorn-backup-credentials
  taintToleration: null
privateRegistry: {createSecret: false, registrySecret: regcred, registryPasswd: ""}
image: {longhorn: {engine: {repository: longhornio/longhorn-engine, tag: v1.9.1}}}
`,
  "projects/loki/values.yaml": `loki:
  storage:
    s3: {endpoint: s3.eu-central-1.amazonaws.com, accessKeyId: "\${AWS_ACCESS_KEY_ID}", secretAccessKey: "\${AWS_SECRET_ACCESS_KEY}"}
  auth_enabled: true
gateway: {basicAuth: {existingSecret: loki-basic-auth, htpasswd: '{{ htpasswd (required "user" .Values.gateway.basicAuth.username) (required "password" .Values.gateway.basicAuth.password) }}'}}
write: {extraArgs: [-config.expand-env=true], extraEnvFrom: [{secretRef: {name: loki-s3}}]}
`,
  "projects/minio/tenant.yaml": `apiVersion: minio.min.io/v2
kind: Tenant
metadata: {name: backups}
spec:
  configuration: {name: backups-env-configuration}
  users: [{name: backups-user-0}]
  externalCaCertSecret: [{name: ca, type: kubernetes.io/tls}]
  kes: {kesSecret: {name: kes-configuration}, keyName: minio-default-key-9Xb2LmQ7}
  env: [{name: MINIO_PROMETHEUS_AUTH_TYPE, value: public}, {name: MINIO_IDENTITY_OPENID_CONFIG_URL, value: "https://sso.example.com/realms/main/.well-known/openid-configuration"}]
`,
  "projects/postgres-operators/clusters.yaml": `apiVersion: acid.zalan.do/v1
kind: postgresql
metadata: {name: acid-main}
spec: {teamId: acid, users: {app: [superuser, createdb]}, databases: {app: app}, postgresql: {version: "17", parameters: {password_encryption: scram-sha-256}}}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: main}
spec:
  superuserSecret: {name: main-superuser}
  bootstrap: {initdb: {database: app, owner: app, secret: {name: main-app}}}
  backup: {barmanObjectStore: {destinationPath: "s3://pg/", s3Credentials: {accessKeyId: {name: s3, key: ACCESS_KEY_ID}, secretAccessKey: {name: s3, key: ACCESS_SECRET_KEY}}}}
---
apiVersion: postgres-operator.crunchydata.com/v1beta1
kind: PostgresCluster
metadata: {name: hippo}
spec: {users: [{name: hippo, password: {type: AlphaNumeric}}], image: "registry.developers.crunchydata.com/crunchydata/crunchy-postgres:ubi9-17.6-2537"}
`,
  "projects/istio/auth.yaml": `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: jwt}
spec:
  jwtRules:
    - issuer: https://sso.example.com
      jwks: |
        {"keys":[{"e":"AQAB","kid":"DHFbpoIUqrY8t2zpA2qXfCmr5VO5ZEr4RzHU_-envvQ","kty":"RSA","use":"sig","n":"${modulus}"}]}
    - issuer: https://accounts.google.com
      jwksUri: https://www.googleapis.com/oauth2/v3/certs
      fromHeaders: [{name: x-jwt-assertion, prefix: "Bearer "}]
`,
  "projects/vault/values.yaml": `server:
  extraSecretEnvironmentVars: [{envName: VAULT_TOKEN, secretName: vault-unseal, secretKey: token}]
  ha:
    raft:
      config: |
        seal "awskms" { region = "eu-central-1", kms_key_id = "1234abcd-12ab-34cd-56ef-1234567890ab" }
        telemetry { prometheus_retention_time = "30s" }
injector: {metrics: {enabled: true}, certs: {secretName: null, caBundle: "${caBundle}"}}
`,
  "projects/vault/app.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  template:
    metadata:
      annotations:
        vault.hashicorp.com/agent-inject-secret-database: database/creds/app
        vault.hashicorp.com/agent-inject-template-database: '{{ with secret "database/creds/app" }}postgres://{{ .Data.username }}:{{ .Data.password }}@db/app{{ end }}'
        checksum/config: ${digest}
`,
  "projects/external-secrets/all.yaml": `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: app}
spec:
  secretStoreRef: {name: aws, kind: ClusterSecretStore}
  target:
    template:
      type: kubernetes.io/dockerconfigjson
      data: {.dockerconfigjson: '{"auths":{"ghcr.io":{"auth":"{{ printf "%s:%s" .user .token | b64enc }}"}}}'}
  dataFrom: [{extract: {key: prod/app}}]
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: aws}
spec: {provider: {aws: {service: SecretsManager, region: eu-central-1, auth: {jwt: {serviceAccountRef: {name: eso, namespace: eso}}}}}}
`,
  "projects/strimzi/kafka.yaml": `apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: app, labels: {strimzi.io/cluster: main}}
spec: {authentication: {type: scram-sha-512, password: {valueFrom: {secretKeyRef: {name: app, key: password}}}}, authorization: {type: simple}}
`,
  "projects/crossplane/provider.yaml": `apiVersion: aws.upbound.io/v1beta1
kind: ProviderConfig
metadata: {name: default}
spec: {credentials: {source: Secret, secretRef: {namespace: crossplane-system, name: aws, key: credentials}}}
`,
  "projects/sigstore/policy.yaml": `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: signed}
spec:
  images: [{glob: "ghcr.io/example/**"}]
  authorities:
    - key:
        data: |
          -----BEGIN PUBLIC KEY-----
          MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEx0Yb3vQ2kR7mLp9WzTn4HsJdUfGa
          V5cXoB8iEyNqMZt1SKhDwPlr6CuAg0jFeOxRb7TvYn3HkQmLs9WzUp2fIg==
          -----END PUBLIC KEY-----
`,
  "projects/authelia/configuration.yaml": `identity_providers:
  oidc:
    hmac_secret: '{{ secret "/secrets/oidc/hmac" }}'
    clients: [{client_id: grafana, client_secret: '{{ secret "/secrets/grafana" }}', token_endpoint_auth_method: client_secret_basic}]
session: {secret: "{{ env \`SESSION_SECRET\` }}"}
`,
  "projects/kustomize/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../external-dns/deployment.yaml, ../../flux/db.yaml]
images: [{name: registry.k8s.io/external-dns/external-dns, digest: "sha256:${digest}"}]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator: [{name: settings, literals: [PASSWORD_FILE=/run/secrets/password, TOKEN_URL=https://sso.example.com/token]}]
generators: [secrets.yaml]
replacements: [{source: {kind: Secret, name: db, fieldPath: data.password}, targets: [{select: {kind: Deployment}, fieldPaths: [spec.template.metadata.annotations]}]}]
patches:
  - target: {kind: Deployment, name: external-dns}
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value: {name: TOKEN, valueFrom: {secretKeyRef: {name: dns, key: token}}}
`,
  "projects/kustomize/secrets.yaml": `apiVersion: viaduct.ai/v1
kind: ksops
metadata: {name: secrets, annotations: {config.kubernetes.io/function: "exec: {path: ksops}"}}
files: [../../flux/db.yaml]
`,
  "projects/helmfile/helmfile.yaml": `releases:
  - name: app
    chart: example/app
    version: 1.2.3
    secrets: [secrets.enc.yaml]
    values: [{db: {password: ref+awssecrets://prod/db#/password, token: 'ref+vault://kv/app#/token'}}]
`,
  "projects/renovate/renovate.json": `{"hostRules": [{"matchHost": "ghcr.io", "username": "bot", "encrypted": {"password": "{{ secrets.GHCR }}"}, "token": "{{ secrets.GITHUB_COM_TOKEN }}"}], "digest": "sha256:${digest}"}
`,
};

/** Secrets of these projects, to be encrypted by the rule of the repository. */
export const projectSecrets: Readonly<Record<string, string>> = Object.fromEntries(
  (
    [
      ["argo-cd", "git-credentials", "username: git\n  password: correct horse"],
      ["cert-manager", "route53", "access-key-id: AKIAEXAMPLE\n  secret-access-key: battery staple"],
      ["flux", "app-values", "values.yaml: |\n    database:\n      password: correct horse"],
      ["grafana", "grafana-admin", "admin-user: admin\n  admin-password: correct horse"],
      ["prometheus-operator", "slack-webhook", "url: https://hooks.slack.com/services/T00000000/B00000000/x"],
      ["external-dns", "cloudflare-api-token", "api-token: correct horse"],
      ["keycloak", "keycloak-db", "username: keycloak\n  password: correct horse"],
      ["velero", "cloud-credentials", "cloud: |\n    [default]\n    aws_secret_access_key = battery staple"],
      ["traefik", "dashboard-auth", "users: 'admin:$apr1$H6uskkkW$IgXLP6ewTrSuBtdaOYUOq/'"],
      ["longhorn", "longhorn-backup-credentials", "AWS_SECRET_ACCESS_KEY: battery staple"],
      ["loki", "loki-s3", "AWS_SECRET_ACCESS_KEY: battery staple"],
      ["minio", "backups-env-configuration", 'config.env: export MINIO_ROOT_PASSWORD="correct horse"'],
      ["postgres-operators", "main-app", "username: app\n  password: correct horse"],
    ] as const
  ).map(([project, name, data]) => [
    `projects/${project}/secret.yaml`,
    `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${name}\nstringData:\n  ${data}\n`,
  ]),
);
