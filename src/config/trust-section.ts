import { isRoleArn } from "../core/aws-arn.ts";
import { anyOriginOf, originOf } from "../core/trust.ts";
import { type Mapping, mapping } from "./mapping.ts";
import { list, type Shape, text } from "./shapes.ts";

/** The section `trust` of the user's own file, checked. */
export interface TrustSection {
  readonly vault: readonly string[];
  readonly azure: readonly string[];
  readonly awsRoles: readonly string[];
  readonly awsProfiles: readonly string[];
  readonly plainStores: readonly string[];
}

const origin: Shape<string> = addressShape(
  originOf,
  "https://vault.example.com:8200, without a path; http only on this machine",
);
const store: Shape<string> = addressShape(anyOriginOf, "http://minio.example.com:9000, without a path");

function addressShape(originIn: (address: string) => string | undefined, looks: string): Shape<string> {
  return (node, reading, label) => {
    const address = text(node, reading, label);
    if (address === undefined) return undefined;
    const found = originIn(address);
    // A path would suggest that it narrows what is allowed.
    if (found !== undefined && /^[^/]+\/\/[^/]+\/?$/.test(address)) return found;
    reading.report(node, `${label} must look like ${looks}`);
    return undefined;
  };
}

const role: Shape<string> = (node, reading, label) => {
  const arn = text(node, reading, label);
  if (arn === undefined || isRoleArn(arn)) return arn;
  reading.report(node, `${label} must look like arn:aws:iam::111122223333:role/name`);
  return undefined;
};

const profile: Shape<string> = (node, reading, label) => {
  const name = text(node, reading, label);
  if (name === undefined || name.trim() !== "") return name;
  reading.report(node, `${label} is empty`);
  return undefined;
};

interface TrustFields {
  readonly vault: readonly string[];
  readonly azure: readonly string[];
  readonly aws_roles: readonly string[];
  readonly aws_profiles: readonly string[];
  readonly s3_plain_http: readonly string[];
}

const asList = { hint: "write each behind a dash, or [one, two]" };

const fields: Shape<Mapping<TrustFields>> = mapping<TrustFields>(
  {
    vault: list(origin, asList),
    azure: list(origin, asList),
    aws_roles: list(role, asList),
    aws_profiles: list(profile, asList),
    s3_plain_http: list(store, asList),
  },
  { name: "trust", isOwn: true, hint: "write vault: [https://vault.example.com:8200] below it" },
);

/** Where the user lets credentials go, whatever a repository says. */
export const trustSection: Shape<TrustSection> = (node, reading, label) => {
  const values = fields(node, reading, label)?.values;
  return (
    values && {
      vault: values.vault ?? [],
      azure: values.azure ?? [],
      awsRoles: values.aws_roles ?? [],
      awsProfiles: values.aws_profiles ?? [],
      plainStores: values.s3_plain_http ?? [],
    }
  );
};
