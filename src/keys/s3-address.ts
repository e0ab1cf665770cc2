import type { Environment } from "../core/ports.ts";
import { anyOriginOf, originOf, type Trust } from "../core/trust.ts";
import { awsEndpoint, plainHint } from "./aws-endpoint.ts";
import { publicUrl } from "./aws-request.ts";
import { KeyFailure } from "./key-failure.ts";
import { quoted } from "./quoted.ts";

/** How a bucket is named in addresses: as the first part of the path, or of the server's name. */
type S3Addressing = "path" | "virtual-host";

/** Where a bucket is, as the user says it. */
export interface S3Options {
  /** `s3://bucket` or `s3://bucket/folder`. */
  readonly url: string;
  /** The address of the store; that of `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, else Amazon's, when left out. */
  readonly endpoint?: string | undefined;
  /** That of `AWS_REGION` or `AWS_DEFAULT_REGION`, else `us-east-1`, when left out. */
  readonly region?: string | undefined;
  /** At Amazon by the server's name, elsewhere by the path, when left out. */
  readonly addressing?: S3Addressing | undefined;
}

/** Where objects are put. */
export interface S3Address {
  readonly bucket: string;
  /** What all names begin with: empty, or ending in a slash. */
  readonly prefix: string;
  readonly region: string;
  /** The address of the bucket, without a slash at its end. */
  readonly bucketUrl: string;
}

/**
 * Where a bucket is.
 *
 * @throws KeyFailure `unsupported` for what is no such address, `untrusted` for plain http to another machine that the
 *   user did not allow: whoever is on the way could keep backups away, though not read or change them.
 */
export function s3Address(
  options: S3Options,
  env: Environment,
  { plainStores }: Pick<Trust, "plainStores">,
): S3Address {
  const { bucket, prefix } = partsOf(options.url);
  const region = options.region ?? (env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1");
  if (!/^[a-z0-9-]{1,60}$/.test(region)) {
    throw new KeyFailure("unsupported", `${quoted(region)} is no region`);
  }
  const own =
    options.endpoint === undefined
      ? awsEndpoint("s3", env, plainStores)
      : checked(options.endpoint, plainStores);
  const url = new URL(own ?? publicUrl("s3", region));
  // The certificate of a wildcard does not cover a bucket with dots.
  const usual = own === undefined && !bucket.includes(".") ? "virtual-host" : "path";
  const path = url.pathname.replace(/\/+$/, "");
  const bucketUrl =
    (options.addressing ?? usual) === "path"
      ? `${url.origin}${path}/${bucket}`
      : `${url.protocol}//${bucket}.${url.host}${path}`;
  return { bucket, prefix, region, bucketUrl };
}

function partsOf(url: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket, folder = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? [];
  const parts = folder.split("/").filter((part) => part !== "");
  const isPlain = parts.every((part) => /^[\w.=@+-]+$/.test(part) && part !== "." && part !== "..");
  if (bucket === undefined || !isPlain) {
    throw new KeyFailure("unsupported", `${quoted(url)} is no address of a bucket`, {
      hint: "write it as s3://BUCKET/FOLDER",
    });
  }
  return { bucket, prefix: parts.map((part) => `${part}/`).join("") };
}

function checked(endpoint: string, plainStores: readonly string[]): string {
  if (originOf(endpoint) !== undefined || plainStores.includes(anyOriginOf(endpoint) ?? "")) return endpoint;
  throw new KeyFailure(
    "untrusted",
    "the address of the store is not an https address, and not on this machine",
    {
      hint: plainHint(endpoint, "write it as https://HOST:PORT"),
    },
  );
}
