import type { Format } from "../formats/store.ts";

const secret = `apiVersion: v1
kind: Secret
metadata:
  name: example
stringData:
  # What stands here is encrypted.
  password: change me
`;

const examples: Readonly<Record<Format, string>> = {
  yaml: "# Every value in this file is encrypted.\nexample: change me\n",
  json: '{\n  "example": "change me"\n}\n',
  dotenv: "# Every value in this file is encrypted.\nEXAMPLE=change me\n",
  ini: "[example]\n; Every value in this file is encrypted.\nkey = change me\n",
  binary: "",
};

/** What a new file has in it when its first edit begins. */
export function exampleContent(format: Format, options: { readonly kubernetes: boolean }): Uint8Array {
  return new TextEncoder().encode(options.kubernetes && format === "yaml" ? secret : examples[format]);
}
