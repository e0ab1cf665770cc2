/**
 * A failure in the words of `kubeseal`. It prints `error: <text>` on standard error and ends with status 1, whatever it
 * was; a mistake on the command line ends with 2.
 */
export class KubesealError extends Error {
  override readonly name: string = "KubesealError";
}
