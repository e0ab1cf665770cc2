import { LineCounter, parseDocument } from "yaml";
import { KsealError } from "../errors.ts";
import type { JsonObject } from "./api.ts";
import { isObject } from "./fields.ts";

/** How a cluster is reached. Files are absolute, data is PEM text in base64, as in the kubeconfig. */
export interface ClusterEntry {
  readonly server?: string | undefined;
  readonly certificateAuthority?: string | undefined;
  readonly certificateAuthorityData?: string | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  readonly tlsServerName?: string | undefined;
  readonly proxyUrl?: string | undefined;
  readonly disableCompression?: boolean | undefined;
  /** What exec plugins are told about the cluster (`client.authentication.k8s.io/exec`). */
  readonly execConfig?: unknown;
}

/** How a user proves who they are. */
export interface UserEntry {
  readonly clientCertificate?: string | undefined;
  readonly clientCertificateData?: string | undefined;
  readonly clientKey?: string | undefined;
  readonly clientKeyData?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly as?: string | undefined;
  readonly asUid?: string | undefined;
  readonly asGroups?: readonly string[] | undefined;
  readonly asUserExtra?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly exec?: ExecEntry | undefined;
  readonly authProvider?: AuthProviderEntry | undefined;
}

/** A program that prints credentials. */
export interface ExecEntry {
  readonly apiVersion: string;
  /** Absolute, or a bare name that is looked up on PATH. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly installHint?: string | undefined;
  readonly provideClusterInfo: boolean;
  readonly interactiveMode: string | undefined;
}

/** The older way to log in, of which `oidc` is left. */
interface AuthProviderEntry {
  readonly name: string;
  readonly idToken?: string | undefined;
}

export interface ContextEntry {
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string | undefined;
}

/** What one file says, or several together. */
export interface Kubeconfig {
  readonly clusters: ReadonlyMap<string, ClusterEntry>;
  readonly users: ReadonlyMap<string, UserEntry>;
  readonly contexts: ReadonlyMap<string, ContextEntry>;
  readonly currentContext?: string | undefined;
}

/**
 * Reads one kubeconfig. Fields that are not known are left alone, as `kubectl` does.
 *
 * @param resolve - Makes a path of the file absolute: they are relative to the file's folder.
 * @throws KsealError `FORMAT_INVALID` for what is no YAML or has something else where a text belongs.
 */
export function parseKubeconfig(
  text: string,
  { file, resolve }: { readonly file: string; readonly resolve: (path: string) => string },
): Kubeconfig {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: "error" });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = lineCounter.linePos(problem.pos[0]);
    // The parser's own words may quote the line, and with it a token.
    throw new KsealError("FORMAT_INVALID", `${file} is no YAML (${problem.code})`, {
      where: { file, line, column: col },
    });
  }
  const root = new Fields(file, "", document.toJS({ maxAliasCount: 100 }) ?? {});
  return {
    clusters: named(root, "clusters", "cluster", (fields) => readCluster(fields, resolve)),
    users: named(root, "users", "user", (fields) => readUser(fields, resolve)),
    contexts: named(root, "contexts", "context", readContext),
    currentContext: root.text("current-context"),
  };
}

/** The fields of an object in the file, each of the type that is asked for. Empty text counts as missing. */
class Fields {
  readonly file: string;
  readonly path: string;
  readonly object: JsonObject;

  constructor(file: string, path: string, value: unknown) {
    this.file = file;
    this.path = path;
    if (!isObject(value)) throw this.#wrong(path || "the document", "an object");
    this.object = value;
  }

  get(key: string): unknown {
    return Object.hasOwn(this.object, key) ? (this.object[key] ?? undefined) : undefined;
  }

  text(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || value === "") return undefined;
    if (typeof value !== "string") throw this.#wrong(this.at(key), "text: put it in quotes");
    return value;
  }

  flag(key: string): boolean | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.#wrong(this.at(key), "true or false");
  }

  list(key: string): readonly unknown[] {
    const value = this.get(key) ?? [];
    if (!Array.isArray(value)) throw this.#wrong(this.at(key), "a list");
    return value;
  }

  texts(key: string): readonly string[] {
    return this.list(key).map((value, index) => {
      if (typeof value !== "string") throw this.#wrong(`${this.at(key)}[${index}]`, "text: put it in quotes");
      return value;
    });
  }

  /** The fields of an object below this one; none when it is missing. */
  below(key: string): Fields {
    return new Fields(this.file, this.at(key), this.get(key) ?? {});
  }

  items(key: string): readonly Fields[] {
    return this.list(key).map((value, index) => new Fields(this.file, `${this.at(key)}[${index}]`, value));
  }

  at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  required(key: string): string {
    const value = this.text(key);
    if (value === undefined) throw this.#wrong(this.at(key), "given");
    return value;
  }

  #wrong(place: string, expected: string): KsealError {
    return new KsealError("FORMAT_INVALID", `${place} of the kubeconfig is not ${expected}`, {
      where: { file: this.file },
    });
  }
}

function named<T>(
  root: Fields,
  list: string,
  key: string,
  read: (fields: Fields) => T,
): ReadonlyMap<string, T> {
  const entries = new Map<string, T>();
  for (const item of root.items(list)) {
    // An entry without a name is one with an empty name, which `kubectl` accepts too.
    const name = item.text("name") ?? "";
    if (entries.has(name)) {
      throw new KsealError("FORMAT_INVALID", `the kubeconfig has two ${list} named ${JSON.stringify(name)}`, {
        where: { file: root.file },
      });
    }
    entries.set(name, read(item.below(key)));
  }
  return entries;
}

type Resolve = (path: string) => string;

function readCluster(fields: Fields, resolve: Resolve): ClusterEntry {
  const extension = fields
    .items("extensions")
    .find((item) => item.text("name") === "client.authentication.k8s.io/exec");
  return {
    server: fields.text("server"),
    certificateAuthority: pathIn(fields, "certificate-authority", resolve),
    certificateAuthorityData: fields.text("certificate-authority-data"),
    insecureSkipTlsVerify: fields.flag("insecure-skip-tls-verify"),
    tlsServerName: fields.text("tls-server-name"),
    proxyUrl: fields.text("proxy-url"),
    disableCompression: fields.flag("disable-compression"),
    execConfig: extension?.get("extension"),
  };
}

function readUser(fields: Fields, resolve: Resolve): UserEntry {
  return {
    clientCertificate: pathIn(fields, "client-certificate", resolve),
    clientCertificateData: fields.text("client-certificate-data"),
    clientKey: pathIn(fields, "client-key", resolve),
    clientKeyData: fields.text("client-key-data"),
    token: fields.text("token"),
    tokenFile: pathIn(fields, "tokenFile", resolve),
    username: fields.text("username"),
    password: fields.text("password"),
    as: fields.text("as"),
    asUid: fields.text("as-uid"),
    asGroups: fields.texts("as-groups"),
    asUserExtra: readExtra(fields.below("as-user-extra")),
    exec: fields.get("exec") === undefined ? undefined : readExec(fields.below("exec"), resolve),
    authProvider:
      fields.get("auth-provider") === undefined ? undefined : readAuthProvider(fields.below("auth-provider")),
  };
}

function readExtra(fields: Fields): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.keys(fields.object).map((key) => [key, fields.texts(key)]));
}

function readExec(fields: Fields, resolve: Resolve): ExecEntry {
  const command = fields.required("command");
  return {
    apiVersion: fields.required("apiVersion"),
    // A bare name is looked up on PATH; anything else lies beside the file.
    command: /[/\\]/.test(command) ? resolve(command) : command,
    args: fields.texts("args"),
    env: Object.fromEntries(
      fields.items("env").map((item) => [item.required("name"), item.text("value") ?? ""]),
    ),
    installHint: fields.text("installHint"),
    provideClusterInfo: fields.flag("provideClusterInfo") ?? false,
    interactiveMode: fields.text("interactiveMode"),
  };
}

function readAuthProvider(fields: Fields): AuthProviderEntry {
  return { name: fields.text("name") ?? "", idToken: fields.below("config").text("id-token") };
}

function readContext(fields: Fields): ContextEntry {
  return {
    cluster: fields.text("cluster") ?? "",
    user: fields.text("user") ?? "",
    namespace: fields.text("namespace"),
  };
}

function pathIn(fields: Fields, key: string, resolve: Resolve): string | undefined {
  const path = fields.text(key);
  return path === undefined ? undefined : resolve(path);
}
