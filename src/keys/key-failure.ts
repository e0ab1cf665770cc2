import { KsealError } from "../errors.ts";

/**
 * Why a key source did not serve a master key.
 *
 * `credentials`: none at hand, expired, or refused; `denied`: they are good but not allowed to; `missing`: no such key;
 * `disabled`: also pending deletion; `mismatch`: the ciphertext is of another key or context; `untrusted`: nothing was
 * sent, because the address or role is not allowed; `unreachable`: no answer, or none that makes sense.
 */
export type KeyFailureKind =
  | "credentials"
  | "denied"
  | "missing"
  | "disabled"
  | "mismatch"
  | "throttled"
  | "unreachable"
  | "untrusted"
  | "unsupported";

/** A key source's refusal, in its own terms. The message goes into the report of all attempts; never a token in it. */
export class KeyFailure extends KsealError {
  readonly kind: KeyFailureKind;

  /** @param hint - What the user can type next to change that. */
  constructor(
    kind: KeyFailureKind,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super("KEY_SOURCE_FAILED", message, options);
    this.kind = kind;
  }
}
