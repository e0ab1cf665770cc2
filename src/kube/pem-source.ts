import { decodeBase64 } from "../core/base64.ts";
import { KsealError } from "../errors.ts";
import type { KubeHost } from "./kubeconfig.ts";

/**
 * A PEM text that a kubeconfig holds itself, or names as a file; the text itself wins.
 *
 * @param data - PEM in base64.
 * @throws KsealError `FORMAT_INVALID` when it is neither; what the host says when the file cannot be read.
 */
export async function readPem(
  host: KubeHost,
  what: string,
  file: string | undefined,
  data: string | undefined,
): Promise<string | undefined> {
  const bytes =
    data !== undefined
      ? decodeBase64(data.replaceAll(/\s/g, ""))
      : file !== undefined
        ? await host.readFile(file, { limit: 4 * 1024 * 1024 })
        : undefined;
  if (bytes === undefined && data === undefined) return undefined;
  const text = new TextDecoder().decode(bytes);
  if (!text.includes("-----BEGIN ")) {
    throw new KsealError("FORMAT_INVALID", `the ${what} of the kubeconfig is not PEM`, {
      ...(file !== undefined && { where: { file } }),
    });
  }
  return text;
}
