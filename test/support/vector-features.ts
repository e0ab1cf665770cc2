/** One thing that `sops` files can have, and the commands that make such a file. */
export interface VectorFeature {
  readonly name: string;
  /** The plain file below `test/vectors/plain/`. */
  readonly source: string;
  /** The file that is made; its suffix is the format. */
  readonly file: string;
  /** Flags of `sops --encrypt`, beside `--age` for the first test identity. */
  readonly flags?: readonly string[];
  /** Instead of the first test identity. */
  readonly recipients?: readonly VectorRecipient[];
  /** Commands that change the file after it was encrypted; `FILE` stands for it. */
  readonly afterwards?: readonly string[];
}

/** A recipient of the vectors by the place of its identity: line of `keys.txt`, or file below `ssh/`. */
export type VectorRecipient = "x25519" | "second" | "third" | "pq" | "ssh-ed25519" | "ssh-rsa";

const inStore = (name: string, source: string, file = source): VectorFeature => ({ name, source, file });

const selected = (name: string, ...flags: readonly string[]): VectorFeature => ({
  name,
  source: name.includes("comment") ? "selection-comments.yaml" : "selection.yaml",
  file: `${name}.yaml`,
  flags,
});

/** The rows of the matrix: every version of `sops` has a file for each, or a reason why it cannot. */
export const vectorFeatures: readonly VectorFeature[] = [
  inStore("yaml-types", "types.yaml"),
  inStore("json-types", "types.json"),
  inStore("dotenv", "app.env"),
  inStore("ini", "app.ini"),
  inStore("binary", "blob.bin"),
  inStore("binary-text", "note.txt"),
  inStore("binary-empty", "empty.txt"),
  inStore("timestamps", "timestamps.yaml"),
  inStore("multi-document", "documents.yaml"),
  inStore("anchors", "anchors.yaml"),
  inStore("crlf-and-bom", "crlf.yaml"),
  {
    name: "yaml-to-json",
    source: "convert.yaml",
    file: "yaml-to-json.json",
    flags: ["--output-type", "json"],
  },
  {
    name: "list-comments-to-json",
    source: "comments-list.yaml",
    file: "list-comments-to-json.json",
    flags: ["--output-type", "json"],
  },
  {
    name: "json-to-yaml",
    source: "nested-list.json",
    file: "json-to-yaml.yaml",
    flags: ["--output-type", "yaml"],
  },
  inStore("comments-in-map", "comments-map.yaml"),
  inStore("comments-in-list", "comments-list.yaml"),
  inStore("comments-inline", "comments-inline.yaml"),
  {
    name: "clear-comments-in-map",
    source: "comments-map.yaml",
    file: "clear-comments-in-map.yaml",
    flags: ["--encrypted-regex", "^(a|d)$"],
  },
  {
    name: "clear-comments-in-list",
    source: "comments-list.yaml",
    file: "clear-comments-in-list.yaml",
    flags: ["--encrypted-regex", "^x$"],
  },
  {
    name: "clear-comments-inline",
    source: "comments-inline.yaml",
    file: "clear-comments-inline.yaml",
    flags: ["--encrypted-regex", "^a$"],
  },
  selected("unencrypted-suffix", "--unencrypted-suffix", "_unencrypted"),
  selected("encrypted-suffix", "--encrypted-suffix", "_enc"),
  selected("unencrypted-regex", "--unencrypted-regex", "^(apiVersion|kind|metadata)$"),
  selected("encrypted-regex", "--encrypted-regex", "^(data|stringData)"),
  selected("unencrypted-comment-regex", "--unencrypted-comment-regex", "sops:plain"),
  selected("encrypted-comment-regex", "--encrypted-comment-regex", "sops:enc"),
  selected("mac-only-encrypted", "--mac-only-encrypted", "--encrypted-regex", "^(data|stringData)"),
  {
    name: "groups",
    source: "selection.yaml",
    file: "groups.yaml",
    recipients: [],
    flags: ["--config", "groups.sops.yaml"],
  },
  {
    name: "groups-json",
    source: "types.json",
    file: "groups.json",
    recipients: [],
    flags: ["--config", "groups.sops.yaml"],
  },
  {
    name: "groups-dotenv",
    source: "app.env",
    file: "groups.env",
    recipients: [],
    flags: ["--config", "groups.sops.yaml"],
  },
  {
    name: "groups-ini",
    source: "app.ini",
    file: "groups.ini",
    recipients: [],
    flags: ["--config", "groups.sops.yaml"],
  },
  {
    name: "two-recipients",
    source: "selection.yaml",
    file: "two-recipients.yaml",
    recipients: ["x25519", "second"],
  },
  { name: "age-post-quantum", source: "selection.yaml", file: "age-post-quantum.yaml", recipients: ["pq"] },
  {
    name: "age-ssh-ed25519",
    source: "selection.yaml",
    file: "age-ssh-ed25519.yaml",
    recipients: ["ssh-ed25519"],
  },
  { name: "age-ssh-rsa", source: "selection.yaml", file: "age-ssh-rsa.yaml", recipients: ["ssh-rsa"] },
  {
    name: "rotated",
    source: "types.yaml",
    file: "rotated.yaml",
    afterwards: ["sops --rotate --in-place FILE"],
  },
  {
    name: "set",
    source: "equal-items.yaml",
    file: "set.yaml",
    afterwards: [`sops --set '["b"] "new"' FILE`, `sops --set '["added"] {"x": 1}' FILE`],
  },
];

/** One cell of `test/vectors/matrix.json`. Paths are relative to the version's folder. */
export type VectorCell =
  | {
      readonly file: string;
      readonly plain: string;
      /** What the maker decrypts it to, or the newest `sops` where a note says that the maker cannot. */
      readonly decrypted: string;
      /** What the newest `sops` prints, when it differs. */
      readonly decryptedByNewest?: string;
      readonly note?: string;
    }
  | { readonly cannot: string };

/** Version of `sops`, then feature. */
export type VectorMatrix = Readonly<Record<string, Readonly<Record<string, VectorCell>>>>;
