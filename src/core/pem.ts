import { encodeBase64 } from "./base64.ts";

/** One block of a PEM text: `-----BEGIN LABEL-----` to `-----END LABEL-----`. */
export interface PemBlock {
  readonly label: string;
  /** The block with its two border lines. */
  readonly text: string;
}

/** The blocks of a PEM text in their order. What stands between them, and a block without an end, is skipped (RFC 7468). */
export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let open: { label: string; lines: string[] } | undefined;
  for (const raw of text.split(/\r\n|\n|\r/)) {
    const line = raw.trim();
    const label = /^-----BEGIN ([A-Z0-9 ]+)-----$/.exec(line)?.[1];
    if (label !== undefined) open = { label, lines: [] };
    open?.lines.push(line);
    if (open && line === `-----END ${open.label}-----`) {
      blocks.push({ label: open.label, text: `${open.lines.join("\n")}\n` });
      open = undefined;
    }
  }
  return blocks;
}

/** One block, in lines of 64 characters. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
