import { DataKey } from "../core/data-key.ts";
import type { SealedTree } from "../core/encrypt-tree.ts";
import type { KeyGroups } from "../core/master-key.ts";
import { formatVersion } from "../core/metadata.ts";
import type { Selection } from "../core/selection.ts";
import type { Document, TreeNode } from "../core/tree.ts";
import { printTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { Format, ParsedFile } from "../formats/store.ts";
import { chooseRecipients, chooseSelection, type SelectionOrigin } from "./choose-rule.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { keyLookup } from "./key-lookup.ts";
import { clearSections, clearStrayFields, stripSecrets } from "./kubernetes-secret.ts";
import { type LayoutOptions, layoutLike } from "./layout.ts";
import { type FileText, parseText } from "./load-file.ts";
import type { KeyFlags } from "./recipients.ts";
import { sealTree } from "./reseal-file.ts";
import { indentOf, type RuleBook } from "./rule-book.ts";
import { isVacant } from "./walk-leaves.ts";

/** How to encrypt, for files and text alike. */
export interface EncryptOptions extends LayoutOptions {
  /**
   * Master keys by flag. They form one group and need no rule; the matching rule's selection still applies. An encryption
   * context applies to the rule's keys too.
   */
  readonly keys?: KeyFlags | undefined;
  /** The selection rule by flag. */
  readonly selection?: Selection | undefined;
  readonly macOnlyEncrypted?: boolean | undefined;
  readonly shamirThreshold?: number | undefined;
  readonly inputType?: Format | undefined;
  /**
   * Whether Secrets without a selection rule get `encrypted_regex: ^(data|stringData)$`, and are checked for what
   * would stay in clear. On unless this is `false` (as `kseal sops` sets it).
   */
  readonly kubernetesDefault?: boolean | undefined;
  /** Allows a result in which no value is encrypted. */
  readonly allowNothing?: boolean | undefined;
  /** Removes `last-applied-configuration` and the fields that the API server sets from Secrets. */
  readonly strip?: boolean | undefined;
}

/** An encrypted text, and why it came out as it did. */
export interface EncryptedText {
  readonly content: Uint8Array;
  readonly format: Format;
  readonly groups: KeyGroups;
  /** `undefined` for binary files, which are encrypted whole. */
  readonly selection: Selection | undefined;
  readonly selectionFrom: SelectionOrigin;
  /** The creation rule that matched, if one did. */
  readonly rule: { readonly config: string; readonly line: number } | undefined;
  /** How many values were encrypted, and how many comments. */
  readonly encrypted: number;
  readonly encryptedComments: number;
  /** The fields that `strip` removed, as tree paths. */
  readonly stripped: readonly string[];
}

/**
 * Encrypts one text to the recipients that flags or the matching creation rule name.
 *
 * @throws KsealError `ALREADY_ENCRYPTED`, `FORMAT_INVALID` (also for duplicate keys, sops.md D18), `NO_MASTER_KEYS`,
 *   `CONFIG_NOT_FOUND`, `NOTHING_SELECTED` (D5), `ENCRYPT_FAILED`.
 */
export async function encryptText(
  text: FileText,
  options: EncryptOptions,
  rules: RuleBook,
  context: OpContext,
): Promise<EncryptedText> {
  try {
    return await encryptParsed(
      text,
      await parsePlain(text, options.inputType, context),
      options,
      rules,
      context,
    );
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: text.file }) : error;
  }
}

/**
 * Parses a text that is about to be encrypted: strictly, because what is lost here is lost for good.
 *
 * @throws KsealError `ALREADY_ENCRYPTED`, `FORMAT_INVALID`.
 */
export async function parsePlain(
  text: FileText,
  inputType: Format | undefined,
  { log }: Pick<OpContext, "log">,
): Promise<ParsedFile> {
  const parsed = await parseText(text, inputType).catch((error: unknown) => {
    const claims = error instanceof KsealError && error.code === "METADATA_INVALID";
    throw claims ? alreadyEncrypted(text.file, error) : error;
  });
  if (parsed.metadata !== undefined) throw alreadyEncrypted(text.file);
  for (const { kind, message, line } of parsed.warnings) {
    if (kind === "duplicate-key") {
      throw new KsealError("FORMAT_INVALID", message, {
        hint: "keep one of them: readers disagree about which one counts",
        where: { file: text.file, ...(line === undefined ? {} : { line }) },
      });
    }
    log.warn(`${text.file}${line === undefined ? "" : `:${line}`}: ${message}`);
  }
  return parsed;
}

// An alias becomes a copy without the comments of what it names (sops.md D19), so a comment that asks for encryption
// would not govern the copy, which would stay in clear.
function refuseAliasesUnderComments(parsed: ParsedFile, selection: Selection | undefined): void {
  const alias = parsed.warnings.find(({ kind }) => kind === "alias-expanded");
  if (alias === undefined || !selection?.rule.endsWith("_comment_regex")) return;
  throw new KsealError("ENCRYPT_FAILED", `an alias and ${selection.rule} do not go together`, {
    hint: "write the aliased value out, with its comments",
    where: alias.line === undefined ? undefined : { line: alias.line },
  });
}

async function encryptParsed(
  text: FileText,
  parsed: ParsedFile,
  options: EncryptOptions,
  rules: RuleBook,
  context: OpContext,
): Promise<EncryptedText> {
  const { host } = context;
  const checksSecrets =
    options.kubernetesDefault !== false && (parsed.format === "yaml" || parsed.format === "json");
  // SOPS encrypts what holds nothing.
  if (options.kubernetesDefault !== false && !options.allowNothing && isEmpty(parsed)) {
    throw new KsealError(
      "EMPTY_INPUT",
      text.bytes.length === 0 ? "the file is empty" : "the file holds no value",
      {
        hint: `put something into it: kseal edit ${shellWord(text.file)} does so without leaving it in clear`,
      },
    );
  }
  const path = host.resolve(text.name);
  const matched = await rules.ruleFor(path);
  const { document, stripped } =
    checksSecrets && options.strip
      ? stripSecrets(parsed.document)
      : { document: parsed.document, stripped: [] };
  const { groups, shamirThreshold } = await chooseRecipients(text, options, matched, rules, context);
  const { selection, origin } = chooseSelection(
    document,
    parsed.format,
    { ...options, checksSecrets },
    matched?.rule,
  );
  const isBinary = parsed.format === "binary";
  if (isBinary && (options.selection !== undefined || matched?.rule.selection !== undefined)) {
    context.log.warn(`${text.file}: a binary file is encrypted whole; the selection rule does not apply`);
  }

  refuseAliasesUnderComments(parsed, selection);

  host.releaseMemory(text.bytes.length);
  const dataKey = new DataKey(host.random(32));
  // Whoever is encrypted for was named by flag, variable or rule.
  const lookup = keyLookup(text.name, context, groups.flat());
  const wrapped = await context.keyring.wrapAll(dataKey, groups, shamirThreshold, lookup);
  const macOnlyEncrypted = !isBinary && (options.macOnlyEncrypted ?? matched?.rule.macOnlyEncrypted ?? false);
  const unsealed = { groups: wrapped, shamirThreshold, selection, macOnlyEncrypted, version: formatVersion };
  const { sealed, metadata } = await sealTree(document, unsealed, { dataKey }, context);
  if (!isBinary && !options.allowNothing) refuseClear(document, sealed, { selection, checksSecrets });
  if (checksSecrets) refuseStrayFields(document, sealed.document, text.file);

  host.releaseMemory(text.bytes.length);
  const format = options.outputType ?? parsed.format;
  const store = await storeFor(format);
  const indent = options.indent ?? indentOf(await rules.configFor(path), format);
  return {
    content: store.render(
      { document: sealed.document, metadata },
      await layoutLike(parsed, { name: text.name, format, indent }, context),
    ),
    format,
    groups,
    selection,
    selectionFrom: origin,
    rule: matched && { config: matched.config.path, line: matched.rule.line },
    encrypted: sealed.encrypted,
    encryptedComments: sealed.encryptedComments,
    stripped: stripped.map(printTreePath),
  };
}

/** Whether there is nothing that could be encrypted; a binary file is one value, which may be empty. */
function isEmpty({ format, document }: ParsedFile): boolean {
  const holdsValue = (node: TreeNode): boolean => {
    if (node.kind !== "map" && node.kind !== "seq") return format !== "binary" || !isVacant(node);
    return node.items.some((item) => {
      if (item.kind === "comment") return false;
      return holdsValue(item.kind === "entry" ? item.value : item);
    });
  };
  return !document.branches.some(holdsValue);
}

function refuseClear(
  plain: Document,
  sealed: SealedTree,
  how: { selection: Selection | undefined; checksSecrets: boolean },
): void {
  const rule = how.selection === undefined ? "" : `${how.selection.rule}: ${how.selection.pattern}`;
  if (sealed.selected === 0) {
    throw new KsealError("NOTHING_SELECTED", `nothing would be encrypted: no value falls under ${rule}`, {
      hint: "correct the rule in .sops.yaml or the flag, or allow it with --allow-nothing",
    });
  }
  // An encrypted_* rule may well leave single values in clear; a whole section is an oversight. The unencrypted_* rules
  // name what stays in clear.
  if (!how.checksSecrets || !how.selection?.rule.startsWith("encrypted_")) return;
  const [section] = clearSections(plain, sealed.document);
  if (section === undefined) return;
  throw new KsealError("NOTHING_SELECTED", `the ${section} of a Secret would stay in clear under ${rule}`, {
    hint: "use encrypted_regex: ^(data|stringData)$ in .sops.yaml, or allow it with --allow-nothing",
  });
}

function refuseStrayFields(plain: Document, sealed: Document, file: string): void {
  const [path, ...more] = clearStrayFields(plain, sealed);
  if (path === undefined) return;
  const others = more.length === 0 ? "" : ` and ${more.length} more`;
  throw new KsealError(
    "CHANGES_REFUSED",
    `a Secret holds ${printTreePath(path)}${others}, which a cluster has set and which would stay in clear`,
    { hint: `remove it with: kseal encrypt --strip -i ${shellWord(file)}` },
  );
}

function alreadyEncrypted(file: string, cause?: unknown): KsealError {
  return new KsealError("ALREADY_ENCRYPTED", "already encrypted: it has a sops block", {
    hint: `change it with: kseal edit ${shellWord(file)}; give it a new data key with: kseal rotate -i ${shellWord(file)}`,
    where: { file },
    cause,
  });
}
