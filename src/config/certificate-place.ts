/**
 * The fingerprint of a certificate in one spelling: `6F:1E:...`.
 *
 * @param written - 64 hexadecimal digits, with or without colons, with or without `sha256:` in front.
 * @returns `undefined` for anything else.
 */
export function certificateFingerprint(written: string): string | undefined {
  const [, digits = ""] =
    /^(?:sha-?256[:=])?((?:[0-9a-f]{2}:){31}[0-9a-f]{2}|[0-9a-f]{64})$/i.exec(written.trim()) ?? [];
  const pairs = digits.replaceAll(":", "").toUpperCase().match(/../g);
  return pairs?.join(":");
}

/** Whether a place of a certificate is an address, which is fetched, and not a file. */
export function isNetworkAddress(certificate: string): boolean {
  return /^https?:\/\//i.test(certificate);
}
