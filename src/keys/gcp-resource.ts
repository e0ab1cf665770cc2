import { KeyFailure } from "./key-failure.ts";

/** The parts of `projects/P/locations/L/keyRings/R/cryptoKeys/K`. */
export interface GcpResource {
  /** All of it, as it stands in the file. */
  readonly name: string;
  readonly project: string;
  readonly location: string;
  readonly keyRing: string;
  readonly cryptoKey: string;
}

// Each part becomes part of a URL and of commands in hints, so nothing else than the service allows may be in it.
const pattern =
  /^projects\/([a-z0-9][\w.:-]*)\/locations\/([a-z0-9-]+)\/keyRings\/([\w-]+)\/cryptoKeys\/([\w-]+)$/;

/** @throws KeyFailure `missing` for a name that no key of Google Cloud KMS can have. */
export function parseGcpResource(name: string): GcpResource {
  const [, project, location, keyRing, cryptoKey] = pattern.exec(name) ?? [];
  if (project === undefined || location === undefined || keyRing === undefined || cryptoKey === undefined) {
    throw new KeyFailure("missing", "this is not the name of a key in Google Cloud KMS", {
      hint: "gcloud kms keys list --keyring KEYRING --location LOCATION prints names: projects/.../cryptoKeys/...",
    });
  }
  return { name, project, location, keyRing, cryptoKey };
}

/** The arguments of `gcloud kms keys ... KEY` that say which key is meant. */
export function gcloudArguments({ project, location, keyRing }: GcpResource): string {
  return `--keyring ${keyRing} --location ${location} --project ${project}`;
}
