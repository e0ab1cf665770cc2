const decoder = new TextDecoder("latin1");

/**
 * Whether bytes may be a file with SOPS metadata: a cheap look that lets a folder be searched without parsing every
 * file. It says yes too often (a text about SOPS), never no for an encrypted file.
 */
export function looksEncrypted(bytes: Uint8Array): boolean {
  const text = decoder.decode(bytes);
  // Every version writes `lastmodified`; readers take its name in any case.
  return /sops/i.test(text) && /lastmodified/i.test(text);
}

/** Whether a text holds the conflict markers that a failed merge leaves. */
export function hasConflictMarkers(bytes: Uint8Array): boolean {
  const text = decoder.decode(bytes);
  return /^<{7} /m.test(text) && /^>{7} /m.test(text);
}
