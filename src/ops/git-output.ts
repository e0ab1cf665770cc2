/** A commit, as Git names it. Nothing of it is authenticated: an author writes what they like. */
export interface Commit {
  readonly hash: string;
  /** The author's date, RFC 3339. */
  readonly date: string;
  readonly author: string;
  readonly email: string;
}

/** What a commit did to one file. */
export interface FileChange {
  readonly commit: Commit;
  /** From the top of the repository. */
  readonly name: string;
  /** What it was called before, when the commit renamed it. */
  readonly renamedFrom: string | undefined;
  /** The content before: one for each parent; `undefined` where there was no file. */
  readonly before: readonly (string | undefined)[];
  /** The content after; `undefined` when the file is gone. */
  readonly after: string | undefined;
}

const decoder = new TextDecoder();
// Larger files are no manifests.
const largestBlob = 8 * 1024 * 1024;

/**
 * Reads the output of `git log -z --raw`: texts with a NUL behind each.
 *
 *     commit <hash> NUL parents NUL date NUL author NUL email NUL   of every commit
 *     :<mode> <mode> <id> <id> <status> NUL name NUL       with a second name behind a rename
 *     ::<mode> <mode> <mode> <id> <id> <id> <status> NUL name NUL   of a merge; a colon for each parent
 *
 * Texts are taken by their number, so that no author and no file can be called like something else.
 *
 * @param takeMerge - Told of every commit with several parents.
 */
export function logReader(
  take: (change: FileChange) => void,
  takeMerge: () => void,
): (bytes: Uint8Array) => void {
  const stream = new TextDecoder();
  let rest = "";
  let commit: Commit = { hash: "", date: "", author: "", email: "" };
  let wanted = 0;
  let head = "";
  let texts: string[] = [];
  const next = (text: string): void => {
    if (wanted > 0) {
      texts.push(text);
      wanted -= 1;
      if (wanted > 0) return;
      if (head.startsWith(":")) changeOf(head, texts, commit, take);
      else {
        const [parents = "", date = "", author = "", email = ""] = texts;
        commit = { hash: head, date, author, email };
        if (parents.includes(" ")) takeMerge();
      }
      texts = [];
      return;
    }
    const begin = text.replace(/^\n+/, "");
    if (begin.startsWith("commit ")) [head, wanted] = [begin.slice("commit ".length), 4];
    else if (begin.startsWith(":")) [head, wanted] = [begin, /^:[^:].* [RC]\d*$/.test(begin) ? 2 : 1];
  };
  return (bytes) => {
    const parts = (rest + stream.decode(bytes, { stream: true })).split("\0");
    rest = parts.pop() ?? "";
    for (const part of parts) next(part);
  };
}

function changeOf(
  head: string,
  names: readonly string[],
  commit: Commit,
  take: (change: FileChange) => void,
): void {
  const parents = head.lastIndexOf(":") + 1;
  const words = head.slice(parents).split(" ");
  const modes = words.slice(0, parents + 1);
  // Links and submodules hold nothing to read.
  const ids = words
    .slice(parents + 1, 2 * parents + 2)
    .map((id, at) => (modes[at]?.startsWith("100") ? id : undefined));
  const after = ids.pop();
  if (after === undefined && ids.every((id) => id === undefined)) return;
  const renamedFrom = names.length > 1 ? names[0] : undefined;
  take({ commit, name: names.at(-1) ?? "", renamedFrom, before: ids, after });
}

/**
 * Reads the output of `git cat-file --batch`: `<id> blob <size>`, content, line feed; or `<id> missing`.
 *
 * @param take - Gets the contents in their order; `undefined` for what is missing, or larger than 8 MiB.
 */
export function batchReader(take: (bytes: Uint8Array | undefined) => void): (bytes: Uint8Array) => void {
  let head = "";
  let content: PendingContent | undefined;
  const afterContent = (pending: PendingContent, piece: Uint8Array): void => {
    if (pending.size <= largestBlob) pending.pieces.push(piece);
    pending.left -= piece.length;
    if (pending.left > 0) return;
    take(pending.size > largestBlob ? undefined : joined(pending.pieces).subarray(0, pending.size));
    content = undefined;
  };
  const afterHead = (line: string): void => {
    const [, length] = / blob (\d+)$/.exec(line) ?? [];
    if (length === undefined) take(undefined);
    else content = { size: Number(length), left: Number(length) + 1, pieces: [] };
  };
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (content !== undefined) {
        const piece = chunk.subarray(at, at + content.left);
        at += piece.length;
        afterContent(content, piece);
        continue;
      }
      const end = chunk.indexOf(0x0a, at);
      head += decoder.decode(chunk.subarray(at, end < 0 ? chunk.length : end));
      if (end < 0) return;
      at = end + 1;
      afterHead(head);
      head = "";
    }
  };
}

/** A content that has not arrived as a whole. */
interface PendingContent {
  readonly size: number;
  /** Of the content and the line feed behind it. */
  left: number;
  readonly pieces: Uint8Array[];
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array(), ...others] = pieces;
  if (others.length === 0) return first;
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
