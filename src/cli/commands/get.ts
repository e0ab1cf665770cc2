import { getValue } from "../../ops/get.ts";
import { isSealedFile } from "../../ops/unseal-detect.ts";
import type { Action } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args: [path = "", treePath = ""], options }, { output, context }) => {
  const operations = await context();
  if (await isSealedFile(path, operations)) {
    const [{ unsealFiles }, { itemOf }] = await Promise.all([
      import("../../ops/unseal.ts"),
      import("../../ops/set-sealed.ts"),
    ]);
    const { content } = await unsealFiles(
      {
        paths: [path],
        keys: options.list("key"),
        item: itemOf(treePath),
        object: options.text("object"),
        destination: { to: "caller" },
      },
      operations,
    );
    await output.content(content ?? new Uint8Array());
    return 0;
  }
  const { content } = await getValue(
    { path, treePath, ignoreMac: options.flag("ignoreMac"), ...typesOf(options) },
    operations,
  );
  await output.content(content);
  return 0;
};
