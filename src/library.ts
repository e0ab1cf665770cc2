import type { Host } from "./core/ports.ts";
import type { Selection } from "./core/selection.ts";
import { KsealError } from "./errors.ts";
import { formatOfName } from "./formats/detect.ts";
import type { Format } from "./formats/store.ts";
import { createNodeHost } from "./host/node-host.ts";
import type { OpContext } from "./ops/context.ts";
import { renderPlain } from "./ops/decrypt-text.ts";
import { editFile as editFileIn, editOpened } from "./ops/edit-text.ts";
import { encryptFiles } from "./ops/encrypt.ts";
import { encryptText } from "./ops/encrypt-text.ts";
import { type OpenedFile, openText, readText } from "./ops/load-file.ts";
import type { RuleBook } from "./ops/rule-book.ts";
import { selectOne } from "./ops/select-files.ts";
import { createContext } from "./wiring.ts";

/** Text or bytes. What goes in as text comes out as text. */
export type Content = string | Uint8Array;

/** `string` for text, `Uint8Array` for bytes. */
export type SameKind<T extends Content> = T extends string ? string : Uint8Array;

interface CallOptions {
  /** Told what a user should know: expanded aliases, a MAC that was not checked. Never a value. */
  readonly onWarning?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is encrypted, and how strictly. */
export interface EncryptionOptions extends CallOptions {
  /** Which values are encrypted, e.g. `{ rule: "encrypted_regex", pattern: "^(data|stringData)$" }`. */
  readonly selection?: Selection | undefined;
  /** Whether the MAC covers only encrypted values, so that the others may be edited by hand. */
  readonly macOnlyEncrypted?: boolean | undefined;
  /** Allows a result in which no value is encrypted. */
  readonly allowNothing?: boolean | undefined;
  /** Removes from Secrets what a cluster has put there. */
  readonly strip?: boolean | undefined;
}

/** How text is encrypted. */
export interface EncryptTextOptions extends EncryptionOptions {
  /** age recipients: `age1...`, or lines of SSH public keys. */
  readonly recipients: readonly string[];
  /** A file name, whose suffix says what the format is. */
  readonly name?: string | undefined;
  /** The format, when there is no name. */
  readonly format?: Format | undefined;
}

/** How files are encrypted. */
export interface EncryptFileOptions extends EncryptionOptions {
  /** age recipients instead of those that `.sops.yaml` names. */
  readonly recipients?: readonly string[] | undefined;
}

/** How files are opened. */
export interface OpenFileOptions extends CallOptions {
  /** age identities (`AGE-SECRET-KEY-1...`). When left out, they come from where `sops` looks for them. */
  readonly identities?: readonly string[] | undefined;
  /** Accepts a file whose MAC is missing or wrong. */
  readonly ignoreMac?: boolean | undefined;
}

/** How text is opened. */
export interface OpenTextOptions extends OpenFileOptions {
  /** A file name, whose suffix says what the format is. */
  readonly name?: string | undefined;
  /** The format, when there is no name. */
  readonly format?: Format | undefined;
}

/**
 * Encrypts the values of a text to some recipients. Reads neither files nor environment.
 *
 * Without a `selection`, Kubernetes Secrets get `encrypted_regex: ^(data|stringData)$`, and everything else SOPS' own
 * default.
 *
 * @throws KsealError
 */
export async function encrypt<T extends Content>(text: T, options: EncryptTextOptions): Promise<SameKind<T>> {
  const context = await contextFor({ ...options, identities: [] });
  const keys = { age: options.recipients };
  const bytes = toBytes(text);
  const input = { file: options.name ?? "text", name: "", bytes };
  const { content } = await encryptText(
    input,
    { ...options, keys, inputType: formatOf(options) },
    noRules,
    context,
  );
  return like(text, content);
}

/**
 * Decrypts a text. Nothing is returned before its MAC has been checked.
 *
 * @throws KsealError `NO_KEY`, `MAC_MISMATCH`, `NOT_ENCRYPTED`, ...
 */
export async function decrypt<T extends Content>(text: T, options: OpenTextOptions): Promise<SameKind<T>> {
  const context = await contextFor(options);
  const { content } = await renderPlain(await open(text, options, context), {}, context);
  return like(text, content);
}

/**
 * Changes an encrypted text: `change` gets it in clear and returns what it shall be. Values that stay keep their
 * ciphertext.
 *
 * @throws KsealError
 */
export async function edit<T extends Content>(
  text: T,
  change: (plain: SameKind<T>) => SameKind<T> | Promise<SameKind<T>>,
  options: OpenTextOptions,
): Promise<SameKind<T>> {
  const context = await contextFor(options);
  const opened = await open(text, options, context);
  const edited = await editOpened(opened, async (plain) => toBytes(await change(like(text, plain))), context);
  return like(text, edited ?? opened.bytes);
}

/**
 * Encrypts a file in place, to the recipients and by the rules of its `.sops.yaml` unless options say otherwise.
 *
 * @throws KsealError The file is then as it was.
 */
export async function encryptFile(path: string, options: EncryptFileOptions = {}): Promise<void> {
  const context = await contextFor(options);
  const keys = options.recipients && { age: options.recipients };
  await encryptFiles({ ...options, keys, paths: [path], destination: { to: "in-place" } }, context);
}

/**
 * Decrypts a file and returns its content; the file stays as it is.
 *
 * @throws KsealError
 */
export async function decryptFile(path: string, options: OpenFileOptions = {}): Promise<Uint8Array> {
  const context = await contextFor(options);
  const text = await readText(await selectOne(path, context), {}, context);
  const { content } = await renderPlain(await openText(text, options, context), {}, context);
  return content;
}

/**
 * Changes an encrypted file in place: `change` gets it in clear and returns what it shall be. Another kseal that wants
 * to change the file waits.
 *
 * @returns Whether anything changed.
 * @throws KsealError The file is then as it was.
 */
export async function editFile(
  path: string,
  change: (plain: string) => string | Promise<string>,
  options: OpenFileOptions = {},
): Promise<boolean> {
  const context = await contextFor(options);
  const changeBytes = async (plain: Uint8Array): Promise<Uint8Array> =>
    toBytes(await change(like("", plain)));
  return editFileIn(path, changeBytes, options, context);
}

const noRules: RuleBook = { configFor: async () => undefined, ruleFor: async () => undefined };

function open(text: Content, options: OpenTextOptions, context: OpContext): Promise<OpenedFile> {
  const input = { file: options.name ?? "text", name: "", bytes: toBytes(text) };
  return openText(input, { ...options, inputType: formatOf(options) }, context);
}

function contextFor(
  options: CallOptions & { identities?: readonly string[] | undefined },
): Promise<OpContext> {
  const { identities, onWarning = () => {}, signal } = options;
  const host = createNodeHost();
  const log = { info() {}, warn: onWarning };
  return createContext(identities === undefined ? host : withIdentities(host, identities), { log, signal });
}

/**
 * The machine as it is, but for the places where identities lie: there are none but those the caller brings. Recipients
 * and settings of the environment do not count either.
 */
function withIdentities(host: Host, identities: readonly string[]): Host {
  // A folder of this name cannot exist, so nothing is found in it.
  const nowhere = host.resolve("/", `kseal-${Array.from(host.random(16)).join("-")}`);
  const env = identities.length === 0 ? {} : { SOPS_AGE_KEY: identities.join("\n") };
  return { ...host, env, homeDir: nowhere, configDir: nowhere };
}

function formatOf({ name, format }: { name?: string | undefined; format?: Format | undefined }): Format {
  if (format !== undefined) return format;
  if (name !== undefined) return formatOfName(name);
  throw new TypeError("options.name or options.format must say what the format is");
}

function toBytes(content: Content): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

function like<T extends Content>(input: T, bytes: Uint8Array): SameKind<T> {
  if (typeof input !== "string") return bytes as SameKind<T>;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) as SameKind<T>;
  } catch (cause) {
    throw new KsealError("FORMAT_CANNOT_HOLD", "the content is not text", {
      hint: "pass bytes, and get bytes",
      cause,
    });
  }
}
