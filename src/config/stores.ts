import { type Mapping, mapping } from "./mapping.ts";
import { type Shape, wholeNumber } from "./shapes.ts";

/** The layout of new files, as `stores` asks for it. What is missing is left to each store. */
export interface StoreLayout {
  readonly yamlIndent?: number;
  /** -1 is a tab. */
  readonly jsonIndent?: number;
  readonly jsonBinaryIndent?: number;
}

// Nobody indents deeper, and SOPS would write as many spaces as it is told to.
const deepestIndent = 100;

interface Indented {
  readonly indent: number;
}

function indented(name: string, from: number): Shape<Mapping<Indented>> {
  return mapping<Indented>(
    { indent: wholeNumber({ from, to: deepestIndent }) },
    { name, hint: "write indent: 2 below it" },
  );
}

interface StoreFields {
  readonly json: Mapping<Indented>;
  readonly json_binary: Mapping<Indented>;
  readonly yaml: Mapping<Indented>;
  readonly dotenv: unknown;
  readonly ini: unknown;
}

const storeFields = mapping<StoreFields>(
  {
    json: indented("stores.json", -1),
    json_binary: indented("stores.json_binary", -1),
    yaml: indented("stores.yaml", 0),
    dotenv: mapping({}, { name: "stores.dotenv, which has no fields" }),
    ini: mapping({}, { name: "stores.ini, which has no fields" }),
  },
  { name: "stores" },
);

/** The section `stores`. */
export const stores: Shape<StoreLayout> = (node, reading, label) => {
  const values = storeFields(node, reading, label)?.values;
  if (values === undefined) return undefined;
  const yamlIndent = values.yaml?.values.indent;
  const jsonIndent = values.json?.values.indent;
  const jsonBinaryIndent = values.json_binary?.values.indent;
  return {
    ...(yamlIndent !== undefined && { yamlIndent }),
    ...(jsonIndent !== undefined && { jsonIndent }),
    ...(jsonBinaryIndent !== undefined && { jsonBinaryIndent }),
  };
};
