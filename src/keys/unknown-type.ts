import type { MasterKey } from "../core/master-key.ts";
import { KeyFailure } from "./key-failure.ts";

/** What is said of a master key that no part of kseal serves: it is carried along, and nothing else (sops.md D16). */
export function unknownType(key: MasterKey): KeyFailure {
  const type = key.type === "unknown" ? key.name : key.type;
  return new KeyFailure("unsupported", `kseal knows no keys of the type ${type}`, {
    hint: "a newer version of kseal or sops may know them",
  });
}
