import { certificateFunctions } from "./sprig-certificates.ts";
import { cryptoFunctions } from "./sprig-crypto.ts";
import { dateFunctions } from "./sprig-dates.ts";
import { defaultFunctions } from "./sprig-defaults.ts";
import { dictFunctions } from "./sprig-dicts.ts";
import { encodingFunctions } from "./sprig-encoding.ts";
import { jsonFunctions } from "./sprig-json.ts";
import { listFunctions } from "./sprig-lists.ts";
import { mathsFunctions } from "./sprig-maths.ts";
import { passwordFunctions } from "./sprig-passwords.ts";
import { pathFunctions } from "./sprig-paths.ts";
import { randomFunctions } from "./sprig-random.ts";
import { reflectionFunctions } from "./sprig-reflection.ts";
import { regexFunctions } from "./sprig-regex.ts";
import { semverFunctions } from "./sprig-semver.ts";
import { stringListFunctions } from "./sprig-string-lists.ts";
import { stringFunctions } from "./sprig-strings.ts";
import { urlFunctions } from "./sprig-urls.ts";
import type { GoFunction } from "./value.ts";

/**
 * The functions of Sprig 3.3.0 by name, as SealedSecrets may use them: without `env`, `expandenv` and `getHostByName`.
 */
export const sprigFunctions: ReadonlyMap<string, GoFunction> = new Map(
  [
    certificateFunctions,
    cryptoFunctions,
    dateFunctions,
    defaultFunctions,
    dictFunctions,
    encodingFunctions,
    jsonFunctions,
    listFunctions,
    mathsFunctions,
    passwordFunctions,
    pathFunctions,
    randomFunctions,
    reflectionFunctions,
    regexFunctions,
    semverFunctions,
    stringListFunctions,
    stringFunctions,
    urlFunctions,
  ].flatMap((family) => family.map((made) => [made.name, made])),
);
