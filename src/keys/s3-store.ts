import type { Host, HttpAnswer } from "../core/ports.ts";
import type { Trust } from "../core/trust.ts";
import { KsealError } from "../errors.ts";
import { awsAuthorities } from "./aws-authorities.ts";
import type { AwsCredentialProvider, AwsIdentity } from "./aws-credential-sources.ts";
import { ownCredentials } from "./aws-credentials.ts";
import type { AwsRequest, S3Action } from "./aws-request.ts";
import { networkFailure } from "./network-failure.ts";
import { withRetries } from "./retries.ts";
import { type S3Address, type S3Options, s3Address } from "./s3-address.ts";
import { s3Failure } from "./s3-failure.ts";
import { signS3 } from "./s3-signature.ts";

/** Small texts in a bucket of an S3-compatible store, below one folder. Nothing is ever replaced. */
export interface S3Store {
  /** For messages: `s3://bucket/folder`. */
  readonly url: string;
  /** Puts an object there. @returns Whether it did: `false` when something has that name already. */
  put(name: string, content: string): Promise<boolean>;
  /** An object of at most 1 MiB; `undefined` when there is none. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** The names of the objects in the folder. */
  list(): Promise<readonly string[]>;
}

type Asked = Parameters<AwsCredentialProvider>[0];

interface Call {
  readonly method: "GET" | "PUT";
  readonly action: S3Action;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Statuses that are results, besides 200. */
  readonly expects: readonly number[];
}

const timeoutMs = 30_000;

/**
 * Opens a bucket with the user's own credentials: variables, web identity, profile, container or machine, as for AWS KMS.
 *
 * @throws KeyFailure What {@link s3Address} throws; its methods throw why the store did not do what it was asked for.
 */
export function openS3Store(
  options: S3Options,
  from: {
    readonly host: Host;
    readonly trust: Pick<Trust, "plainStores">;
    readonly signal?: AbortSignal | undefined;
  },
): S3Store {
  const { host, trust, signal } = from;
  const address = s3Address(options, host.env, trust);
  const ask = asker(address, host, signal);
  const pathOf = (name: string): string => `/${encodeURI(address.prefix + name)}`;
  return {
    url: `s3://${address.bucket}/${address.prefix}`.replace(/\/$/, ""),
    async put(name, content) {
      const { status } = await ask({
        method: "PUT",
        action: "s3:PutObject",
        path: pathOf(name),
        headers: { "content-type": "application/yaml", "if-none-match": "*" },
        body: content,
        expects: [412],
      });
      return status !== 412;
    },
    async get(name) {
      const { status, body } = await ask({
        method: "GET",
        action: "s3:GetObject",
        path: pathOf(name),
        expects: [404],
      });
      return status === 404 ? undefined : body;
    },
    list: () => listAll(ask, address),
  };
}

async function listAll(
  ask: (call: Call) => Promise<HttpAnswer>,
  { prefix }: S3Address,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (let token: string | undefined, pages = 0; pages === 0 || token !== undefined; pages += 1) {
    const { body } = await ask({
      method: "GET",
      action: "s3:ListBucket",
      path: "/",
      query: {
        "list-type": "2",
        delimiter: "/",
        "encoding-type": "url",
        "max-keys": "500",
        ...(prefix === "" ? {} : { prefix }),
        ...(token === undefined ? {} : { "continuation-token": token }),
      },
      expects: [],
    });
    const text = new TextDecoder().decode(body);
    for (const [, key = ""] of text.matchAll(/<Key>([^<]*)<\/Key>/g)) {
      const name = decoded(key);
      if (name.startsWith(prefix) && name !== prefix) names.push(name.slice(prefix.length));
    }
    const next = /<NextContinuationToken>([^<]*)</.exec(text)?.[1];
    token = next === undefined ? undefined : unescaped(next);
  }
  return names.toSorted();
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(unescaped(key).replaceAll("+", " "));
  } catch {
    return key;
  }
}

function unescaped(text: string): string {
  const characters: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replaceAll(/&(lt|gt|quot|apos|amp);/g, (whole, name: string) => characters[name] ?? whole);
}

function asker(
  address: S3Address,
  host: Host,
  signal: AbortSignal | undefined,
): (call: Call) => Promise<HttpAnswer> {
  const { region } = address;
  const credentials = once(async (request: AwsRequest): Promise<AwsIdentity | AwsCredentialProvider> => {
    return ownCredentials(undefined, host, request) as AwsIdentity | AwsCredentialProvider;
  });
  const authorities = once(() => awsAuthorities(host));
  return async ({ method, action, path, query, headers = {}, body = "", expects }) => {
    const base = `${address.bucketUrl}${path}`;
    const request: AwsRequest = { action, region, url: new URL(base).origin, timeout: timeoutMs };
    const url = query === undefined ? base : `${base}?${new URLSearchParams(query)}`;
    return await withRetries(async () => {
      const given = await credentials(request);
      const client = { callerClientConfig: { region: async () => region } } as unknown as Asked;
      const identity = typeof given === "function" ? await given(client) : given;
      const signed = await signS3(
        { method, url, headers, body, now: host.now() },
        { region, credentials: identity },
      );
      const answer = await send(host, { ...signed, method, body, ca: await authorities(), signal });
      if (answer.status === 404 && !isOf("NoSuchKey", answer)) throw s3Failure(answer, address, request);
      if (answer.status === 200 || expects.includes(answer.status)) return answer;
      throw s3Failure(answer, address, request);
    }, signal);
  };
}

function isOf(code: string, { body }: HttpAnswer): boolean {
  return new TextDecoder().decode(body).includes(`<Code>${code}</Code>`);
}

async function send(
  host: Host,
  sent: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly method: "GET" | "PUT";
    readonly body: string;
    readonly ca: string | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<HttpAnswer> {
  const { url, headers, method, body, ca, signal } = sent;
  const tls = ca === undefined ? undefined : { ca };
  try {
    return await host.request({ method, url, headers, tls, timeoutMs, signal, ...(body && { body }) });
  } catch (error) {
    if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
    const certificateHint = "export AWS_CA_BUNDLE=ca.pem, with the authority that signed it";
    throw networkFailure(error, { host: new URL(url).host, timeout: timeoutMs, certificateHint });
  }
}

function once<A extends readonly unknown[], T>(
  work: (...given: A) => Promise<T>,
): (...given: A) => Promise<T> {
  let done: Promise<T> | undefined;
  return (...given) => {
    done ??= work(...given);
    return done;
  };
}
