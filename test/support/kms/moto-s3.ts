import { createHmac } from "node:crypto";
import type { Moto } from "./moto.ts";

/** An access key of moto whose signatures are checked, as AWS does. */
export type S3User = Readonly<Record<"AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY", string>>;

/**
 * Makes a bucket, and a user who may do some things with it; from then on moto checks every signature and every right.
 *
 * @param actions - Such as `s3:PutObject`.
 */
export async function makeBucket(moto: Moto, bucket: string, actions: readonly string[]): Promise<S3User> {
  await call(`${moto.url}/${bucket}`, { method: "PUT", headers: { authorization: fake("s3") } });
  const iam = async (fields: Record<string, string>): Promise<string> =>
    await call(moto.url, {
      method: "POST",
      body: new URLSearchParams({ Version: "2010-05-08", ...fields }),
      headers: { authorization: fake("iam") },
    });
  const UserName = `backup-${createHmac("sha256", bucket).update(actions.join()).digest("hex").slice(0, 8)}`;
  await iam({ Action: "CreateUser", UserName });
  const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }] };
  const PolicyDocument = JSON.stringify(policy);
  await iam({ Action: "PutUserPolicy", UserName, PolicyName: "backups", PolicyDocument });
  const made = await iam({ Action: "CreateAccessKey", UserName });
  const text = (name: string): string => new RegExp(`<${name}>([^<]+)`).exec(made)?.[1] ?? "";
  return { AWS_ACCESS_KEY_ID: text("AccessKeyId"), AWS_SECRET_ACCESS_KEY: text("SecretAccessKey") };
}

/** Whether moto checks signatures and rights; the set-up of buckets needs it off. */
export async function checkRights(moto: Moto, on: boolean): Promise<void> {
  await call(`${moto.url}/moto-api/reset-auth`, { method: "POST", body: on ? "0" : "1000000" });
}

/** Moto finds the service that is meant in the scope of the signature. */
function fake(service: string): string {
  return `AWS4-HMAC-SHA256 Credential=setup/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;
}

async function call(url: string, init: RequestInit): Promise<string> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${text}`);
  return text;
}
