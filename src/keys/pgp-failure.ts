import { KeyFailure } from "./key-failure.ts";
import { isPart, type PgpKeyPart, type PgpKeyRecord } from "./pgp-keys.ts";
import type { GpgRun } from "./pgp-program.ts";

/** Why `gpg --decrypt` gave nothing, from its status lines. */
export function decryptionFailure(run: GpgRun): KeyFailure {
  const code = secretKeyError(run);
  if (code !== undefined) return secretKeyFailure(code, run);
  const unknown = run.report("NO_SECKEY").map(([keyId]) => keyId);
  if (unknown.length > 0) {
    return new KeyFailure("credentials", `gpg holds no secret key for it (${unknown.join(", ")})`, {
      hint: "gpg --import SECRET-KEY-FILE",
    });
  }
  if (run.report("DECRYPTION_OKAY").length > 0) {
    return new KeyFailure("mismatch", "what gpg opened is too long for a data key");
  }
  if (run.report("DECRYPTION_INFO").length > 0) {
    return new KeyFailure("mismatch", "its enc field was cut off or changed");
  }
  return ["NODATA", "UNEXPECTED"].some((keyword) => run.report(keyword).length > 0)
    ? new KeyFailure("mismatch", "its enc field is not an OpenPGP message")
    : otherFailure(run);
}

/** Whether gpg found the secret key, and would have to ask somebody for its passphrase, its PIN or its card. */
export function wouldAsk(run: GpgRun): boolean {
  return run.status !== 0 && secretKeyError(run) !== undefined;
}

/** gpg ended well and gave nothing: an old one does so when it does not know the encryption (sops #896). */
export function nothingOpened(): KeyFailure {
  return new KeyFailure(
    "unsupported",
    "gpg printed nothing: the message is empty, or this gpg is too old for it",
    {
      hint: "gpg --version",
    },
  );
}

/** Why `gpg --encrypt` refused, from its status lines and what it knows about the key, which is looked up. */
export async function encryptionFailure(
  run: GpgRun,
  { fingerprint, find }: { fingerprint: string; find: () => Promise<PgpKeyRecord | undefined> },
): Promise<KeyFailure> {
  if (run.report("INV_RECP").length === 0) return otherFailure(run);
  const key = await find();
  if (key === undefined) {
    return new KeyFailure("missing", "gpg has no public key with this fingerprint", {
      hint: `gpg --import PUBLIC-KEY-FILE, or gpg --recv-keys ${fingerprint.replace("!", "")}`,
    });
  }
  return new KeyFailure("disabled", whyUnusable(key, fingerprint), {
    hint: `gpg --list-keys ${fingerprint.replace("!", "")}`,
  });
}

function otherFailure({ status, lastWords }: GpgRun): KeyFailure {
  if (status === 0) return new KeyFailure("unsupported", "gpg printed nothing", { hint: "gpg --version" });
  return new KeyFailure(
    "unreachable",
    `gpg ended with status ${status}: ${lastWords || "it does not say why"}`,
  );
}

// libgpg-error: the source of an error stands in the upper bits, the error itself in the lower 16.
const errorBits = 0xffff;
const errors = {
  badPassphrase: 11,
  timeout: 62,
  noAgent: 77,
  noPinentry: 85,
  cancelled: 99,
  fullyCancelled: 198,
  // An error of the system: "inappropriate ioctl for device".
  noTerminal: 0x8000 | 102,
} as const;

function secretKeyError(run: GpgRun): number | undefined {
  const failed = run
    .report("ERROR")
    .find(([where]) => where === "pkdecrypt_failed" || where === "get_passphrase");
  return failed && Number(failed[1]) & errorBits;
}

function secretKeyFailure(code: number, run: GpgRun): KeyFailure {
  const because = (message: string, hint?: string): KeyFailure =>
    new KeyFailure("credentials", message, { hint });
  switch (code) {
    case errors.badPassphrase:
      return because("the passphrase is wrong");
    case errors.timeout:
      return because("nobody gave the passphrase in time");
    case errors.cancelled:
    case errors.fullyCancelled:
      return because("the question for the passphrase was cancelled");
    case errors.noTerminal:
      return because("gpg-agent has no terminal to ask for the passphrase on", "export GPG_TTY=$(tty)");
    case errors.noPinentry:
      return because(
        "gpg-agent has no pinentry program to ask for the passphrase with",
        "name one in gpg-agent.conf: pinentry-program /usr/bin/pinentry",
      );
    case errors.noAgent:
      return new KeyFailure("unreachable", "gpg-agent does not answer", {
        hint: "gpgconf --launch gpg-agent",
      });
    default:
      return because(`gpg cannot use the secret key: ${run.lastWords}`);
  }
}

function whyUnusable({ parts }: PgpKeyRecord, fingerprint: string): string {
  const [primary] = parts;
  const isWhole = !fingerprint.endsWith("!");
  const named = isWhole ? primary : parts.find((part) => isPart(part, fingerprint));
  const problem = [primary, named].map(problemOf).find((text) => text !== undefined);
  if (problem !== undefined) return problem;
  if (!isWhole) return "this very subkey cannot encrypt";
  const expired = parts
    .filter(({ capabilities }) => capabilities.includes("e"))
    .map(problemOf)
    .at(-1);
  return expired === undefined
    ? "the key has no subkey that encrypts"
    : `its subkey for encryption: ${expired}`;
}

function problemOf(part: PgpKeyPart | undefined): string | undefined {
  switch (part?.validity) {
    case "r":
      return "the key was revoked";
    case "e":
      return `the key expired${part.expires === undefined ? "" : ` on ${dayOf(part.expires)}`}`;
    case "d":
      return "the key is disabled";
    default:
      return part?.capabilities.includes("D") ? "the key is disabled" : undefined;
  }
}

function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
