import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Host } from "../../src/core/ports.ts";
import type { Document } from "../../src/core/tree.ts";
import { storeFor } from "../../src/formats/detect.ts";
import type { Format } from "../../src/formats/store.ts";
import { encryptText } from "../../src/ops/encrypt-text.ts";
import { openText } from "../../src/ops/load-file.ts";
import { openRuleBook } from "../../src/ops/rule-book.ts";
import { createContext } from "../../src/wiring.ts";
import { identityEnvironment, recipients } from "../support/identities.ts";
import { asSopsReads } from "../support/sops-view.ts";

const suffixes: Readonly<Record<Format, string>> = {
  yaml: "yaml",
  json: "json",
  dotenv: "env",
  ini: "ini",
  binary: "bin",
};

/** The two directions between kseal, in this process, and the real `sops`, over files in a folder. */
export interface RoundTrip {
  /** @throws Error that shows both sides, when the real `sops` reads anything else than what kseal encrypted. */
  sopsReadsWhatKsealWrote(format: Format, document: Document): Promise<void>;
  ksealReadsWhatSopsWrote(format: Format, document: Document): Promise<void>;
}

export function roundTrip(sops: string, folder: string, host: Host): RoundTrip {
  const env = identityEnvironment(folder);
  const run = (...args: string[]) =>
    execFileSync(sops, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 30 });
  const plainText = async (format: Format, document: Document) => {
    const store = await storeFor(format);
    return store.render({ document, metadata: undefined });
  };

  return {
    async sopsReadsWhatKsealWrote(format, document) {
      const file = `ours.${suffixes[format]}`;
      const context = await createContext(host);
      const text = { file, name: file, bytes: await plainText(format, document) };
      const options = { keys: { age: [recipients[0] ?? ""] }, allowNothing: true };
      const { content } = await encryptText(text, options, openRuleBook(context), context);
      writeFileSync(join(folder, file), content);

      // dotenv and INI of sops cannot say every value that the encrypted file holds, JSON can.
      const readable = format === "dotenv" || format === "ini" ? "json" : format;
      const { parse } = await storeFor(readable);
      const opened = parse(run("--decrypt", "--output-type", readable, file)).document;
      expectSame(format, document, opened);
    },

    async ksealReadsWhatSopsWrote(format, document) {
      const [plain, file] = [`plain.${suffixes[format]}`, `theirs.${suffixes[format]}`];
      writeFileSync(join(folder, plain), await plainText(format, document));
      const bytes = run("--encrypt", "--age", recipients[0] ?? "", plain);

      const context = await createContext(host);
      expectSame(format, document, (await openText({ file, name: file, bytes }, {}, context)).plain);
    },
  };
}

// sops always has one, and says so when it is empty.
function withoutDefaultSection({ branches }: Document): Document {
  return {
    branches: branches.map(({ kind, items }) => ({
      kind,
      items: items.filter(
        (item) =>
          item.kind !== "entry" ||
          item.key !== "DEFAULT" ||
          item.value.kind !== "map" ||
          item.value.items.length > 0,
      ),
    })),
  };
}

function expectSame(format: Format, expected: Document, actual: Document): void {
  const [left, right] = [expected, actual].map((document) =>
    asSopsReads(format === "ini" ? withoutDefaultSection(document) : document, format),
  );
  if (isDeepStrictEqual(left, right)) return;
  const [a, b] = [left, right].map((side) => JSON.stringify(side));
  const at = [...(a ?? "")].findIndex((character, index) => character !== [...(b ?? "")][index]);
  const around = (side: string | undefined) =>
    [...(side ?? "")].slice(Math.max(0, at - 60), at + 120).join("");
  throw new Error(`not what was encrypted:\n  ${around(a)}\nbut\n  ${around(b)}`);
}
