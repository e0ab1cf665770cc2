/** Where the content that an operation makes goes. */
export type Destination =
  /** Nowhere yet: it is in the result, for standard output. */
  | { readonly to: "caller" }
  /** Over the file it was read from. */
  | { readonly to: "in-place" }
  /** Into one file, which is replaced atomically if it exists and made with mode 0600 if not. */
  | { readonly to: "file"; readonly path: string }
  /** Into the same tree below a folder. */
  | { readonly to: "folder"; readonly path: string };
