import type { Call, SopsRun } from "./sops-run.ts";
import { checkKeys, destinationOf, formatOf, layoutOf } from "./sops-values.ts";

/** `sops encrypt` */
export async function encrypt(call: Call<"encrypt">, run: SopsRun): Promise<number> {
  const { encryptFiles } = await import("../../ops/encrypt.ts");
  await checkKeys(call.keys);
  const [file] = await encryptFiles(
    {
      paths: [call.file ?? "-"],
      destination: destinationOf(call),
      keys: call.keys,
      selection: call.selection,
      macOnlyEncrypted: call.macOnlyEncrypted || undefined,
      shamirThreshold: call.threshold,
      nameOverride: call.filenameOverride,
      ...layoutOf(call),
      kubernetesDefault: false,
    },
    await run.context(call),
  );
  if (file !== undefined) await run.print(file);
  return 0;
}

/** `sops decrypt` */
export async function decrypt(call: Call<"decrypt">, run: SopsRun): Promise<number> {
  const { decryptFiles } = await import("../../ops/decrypt.ts");
  const { files, stream } = await decryptFiles(
    {
      paths: [call.file ?? "-"],
      destination: destinationOf(call),
      extract: call.extract,
      ignoreMac: call.ignoreMac,
      nameOverride: call.filenameOverride,
      ...layoutOf(call),
    },
    await run.context(call),
  );
  if (stream !== undefined) await run.print({ content: stream, writtenTo: files[0]?.writtenTo });
  return 0;
}

/** `sops edit` */
export async function edit(call: Call<"edit">, run: SopsRun): Promise<number> {
  const { editFile } = await import("../../ops/edit.ts");
  await checkKeys(call.keys);
  await editFile(
    {
      path: call.file,
      keys: call.keys,
      selection: call.selection,
      ignoreMac: call.ignoreMac,
      showMasterKeys: call.showMasterKeys,
      inputType: formatOf(call.inputType),
      kubernetesDefault: false,
    },
    await run.context(call),
  );
  return 0;
}

/** `sops rotate` */
export async function rotate(call: Call<"rotate">, run: SopsRun): Promise<number> {
  const { rotateFiles } = await import("../../ops/rotate.ts");
  await checkKeys(call.add);
  const [file] = await rotateFiles(
    {
      paths: [call.file],
      destination: destinationOf(call),
      add: call.add,
      remove: call.remove,
      // SOPS asks no rule when it rotates.
      unlisted: "warn",
      ignoreMac: call.ignoreMac,
      nameOverride: call.filenameOverride,
      ...layoutOf(call),
    },
    await run.context(call),
  );
  if (file !== undefined) await run.print(file);
  return 0;
}
