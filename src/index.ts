/**
 * kseal as a library: encrypts, decrypts and edits SOPS files with age keys.
 *
 * Nothing here prints, exits or keeps state between calls. Failures are {@link KsealError}s with a stable `code`.
 *
 * @module
 */
export type { Selection } from "./core/selection.ts";
export type { ErrorCode, Where } from "./errors.ts";
export { KsealError } from "./errors.ts";
export type { Format } from "./formats/store.ts";
export type {
  Content,
  EncryptFileOptions,
  EncryptionOptions,
  EncryptTextOptions,
  OpenFileOptions,
  OpenTextOptions,
  SameKind,
} from "./library.ts";
export { decrypt, decryptFile, edit, editFile, encrypt, encryptFile } from "./library.ts";
