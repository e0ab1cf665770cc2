import { readFileSync } from "node:fs";
import { join } from "node:path";
import { vectorsFolder } from "../support/identities.ts";

const newest = join(vectorsFolder, "sops-3.13.3");

function plain(name: string): Buffer {
  return readFileSync(join(vectorsFolder, "plain", name));
}

/** Every value type, in the layout in which `sops` itself writes YAML. */
export const typesYaml: Buffer = readFileSync(join(newest, "types.dec.yaml"));
export const timestampsYaml: Buffer = readFileSync(join(newest, "timestamps.dec.yaml"));
export const documentsYaml: Buffer = readFileSync(join(newest, "documents.dec.yaml"));
export const commentsInMap: Buffer = readFileSync(join(newest, "comments-map.dec.yaml"));
export const commentsInList: Buffer = readFileSync(join(newest, "comments-list.dec.yaml"));
export const selectionYaml: Buffer = readFileSync(join(newest, "encrypted-suffix.dec.yaml"));
export const commentRulesYaml: Buffer = readFileSync(join(newest, "encrypted-comment-regex.dec.yaml"));
export const typesJson: Buffer = readFileSync(join(newest, "types.dec.json"));
export const dotenv: Buffer = plain("app.env");
export const ini: Buffer = readFileSync(join(newest, "app.dec.ini"));
export const binary: Buffer = plain("blob.bin");
/** YAML as people write it, which `sops` lays out anew. */
export const foreignYaml: Buffer = plain("types.yaml");

export const smallYaml = "a: 1\nb: two\nlist:\n    - one\n    - 2\nmap:\n    key: value\n";
export const smallJson = `${JSON.stringify({ a: 1, b: "two", list: ["one", 2], map: { key: "value" } }, null, "\t")}\n`;
export const smallDotenv = "A=1\nB=two words\n";
export const smallIni = "[section]\na = 1\nb = two\n";
