import type { HttpAnswer } from "../core/ports.ts";
import type { KsealError } from "../errors.ts";
import { awsFailure, notAws } from "./aws-failure.ts";
import type { AwsRequest } from "./aws-request.ts";
import { KeyFailure } from "./key-failure.ts";
import { ownWords } from "./own-words.ts";
import { PassingFailure } from "./retries.ts";
import type { S3Address } from "./s3-address.ts";

/** What a store says in an XML answer that is no success, in kseal's words. */
export function s3Failure(
  { status, body }: HttpAnswer,
  { bucket, region }: S3Address,
  request: AwsRequest,
): KsealError {
  const text = new TextDecoder().decode(body);
  const code = /<Code>(\w{1,100})<\/Code>/.exec(text)?.[1];
  const message = ownWords(/<Message>([^<]{0,500})/.exec(text)?.[1] ?? "");
  switch (code) {
    case "NoSuchBucket":
      return new KeyFailure("missing", `there is no bucket ${bucket}`, { hint: "make it first: aws s3 mb" });
    case "AccessDenied":
    case "AllAccessDisabled":
      return new KeyFailure("denied", `these credentials may not use ${request.action} on ${bucket}`, {
        hint: "aws sts get-caller-identity shows who you are to AWS",
      });
    case "InvalidAccessKeyId":
      return new KeyFailure("credentials", "the store does not know the access key");
    case "RequestTimeTooSkewed":
      return new KeyFailure("credentials", "the clock of this machine is wrong", { hint: "date" });
    case "PermanentRedirect":
    case "AuthorizationHeaderMalformed":
      return new KeyFailure("unsupported", `the bucket ${bucket} is not in the region ${region}`, {
        hint: `say where it is: --s3-region REGION`,
      });
    case "NotImplemented":
      return new KeyFailure("unsupported", "the store does not know conditional writes (If-None-Match)", {
        hint: "nothing was written: without them a backup could be overwritten",
      });
    case "SlowDown":
    case "ConditionalRequestConflict":
      return new PassingFailure("throttled", `${new URL(request.url).host}: ${message}`);
    case undefined:
      break;
  }
  if (code === undefined && status < 500) return notAws(request);
  const error = Object.assign(new Error(message), { $metadata: { httpStatusCode: status } });
  error.name = code ?? "Error";
  return awsFailure(error, request);
}
