import type { KeyType } from "../core/master-key.ts";
import type { KeyProvider } from "./provider.ts";

const providers: Readonly<Partial<Record<KeyType, () => Promise<KeyProvider>>>> = {
  age: async () => (await import("./age.ts")).ageProvider,
};

const loaded = new Map<string, Promise<KeyProvider> | undefined>();

/** The provider for a type of master key, or `undefined` when kseal has none for it yet. */
export async function providerFor(type: KeyType | "unknown"): Promise<KeyProvider | undefined> {
  if (type === "unknown") return undefined;
  // Thousands of keys may be opened, and even a finished import costs a look-up of files.
  if (!loaded.has(type)) loaded.set(type, providers[type]?.());
  return await loaded.get(type);
}
