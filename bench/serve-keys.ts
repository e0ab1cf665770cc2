import { type SourceName, startKeySources } from "../test/support/key-sources.ts";
import type { KeyServer } from "./key-rows.ts";

/*
 * Serves keys of every source until its standard input ends, in a process of its own: the benchmark waits for the
 * programs that it measures, and could not answer them. Prints one line that says how the keys are used.
 */

const titles: Readonly<Partial<Record<SourceName, string>>> = {
  aws: "AWS KMS",
  gcp: "Google Cloud KMS",
  azure: "Azure Key Vault",
  vault: "OpenBao",
  pgp: "PGP",
};

const sources = await startKeySources();
const servers = Object.entries(titles).map(([name, title]): KeyServer => {
  const source = name as SourceName;
  return { title, flag: sources.keys[source].flag, env: sources.environment([source]) };
});
console.log(JSON.stringify(servers));
for await (const _ of process.stdin);
await sources.close();
