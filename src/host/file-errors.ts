import { type ErrorCode, KsealError } from "../errors.ts";

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is not a folder",
  ENOENT: "the folder does not exist",
  EEXIST: "it exists already",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is too large",
  EROFS: "the file system is read-only",
  EBUSY: "it is in use",
  ETXTBSY: "it is in use",
  EXDEV: "it is mounted by itself",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "too many symbolic links",
  EIO: "the disk reports an error",
};

/** The system's name for a failure, such as `ENOENT`. */
export function errorName(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** A failed read, in the user's words. */
export function readError(path: string, cause: unknown): KsealError {
  const name = errorName(cause);
  if (name === "ENOENT" || name === "ENOTDIR" || name === "ERR_INVALID_ARG_VALUE") {
    return new KsealError("NO_FILE", `${path} does not exist`, { cause });
  }
  if (name === "ERR_FS_FILE_TOO_LARGE") {
    return new KsealError("LIMIT_EXCEEDED", `${path} is too large`, { cause });
  }
  return fileError("INPUT_UNREADABLE", `cannot read ${path}`, cause);
}

/** A failed write, in the user's words. */
export function writeError(path: string, cause: unknown, hint?: string): KsealError {
  return cause instanceof KsealError
    ? cause
    : fileError("OUTPUT_UNWRITABLE", `cannot write ${path}`, cause, hint);
}

function fileError(code: ErrorCode, message: string, cause: unknown, hint?: string): KsealError {
  const name = errorName(cause);
  // What is no failure of the file system is a bug of kseal and must look like one.
  if (name === undefined) {
    throw cause;
  }
  return new KsealError(code, `${message}: ${reasons[name] ?? name}`, { cause, hint });
}
