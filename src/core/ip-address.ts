/**
 * The bytes of an IP address: 4 for IPv4 and for IPv4 in IPv6 (`::ffff:192.0.2.1`), else 16.
 *
 * @returns `undefined` for what is no address: leading zeros in IPv4 and zones in IPv6 are none.
 */
export function parseIpAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part))) return;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256) ? Uint8Array.from(bytes) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return;
  const [before, after] = halves.map(bytesOf);
  if (before === undefined || (halves.length === 2 && after === undefined)) return;
  const known = before.length + (after?.length ?? 0);
  // "::" stands for one group or more.
  if (after === undefined ? known !== 16 : known > 14) return;
  const bytes = Uint8Array.from([...before, ...new Array<number>(16 - known).fill(0), ...(after ?? [])]);
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return mapped ? bytes.subarray(12) : bytes;
}

/** Groups of four hexadecimal digits, the last of which may be an IPv4 address. */
function bytesOf(half: string): readonly number[] | undefined {
  if (half === "") return [];
  const bytes: number[] = [];
  const groups = half.split(":");
  for (const [i, group] of groups.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
      continue;
    }
    const address = i === groups.length - 1 ? parseIpv4(group) : undefined;
    if (address === undefined) return;
    bytes.push(...address);
  }
  return bytes;
}
