import { isSpaceOrEnd } from "./yaml-scan.ts";

/** Where the alias, anchor or tag that begins at an offset ends. */
export function wordEnd(text: string, start: number, { inFlow }: { inFlow: boolean }): number {
  let end = start + 1;
  const isTag = text.charCodeAt(start) === 0x21;
  const isVerbatim = text.startsWith("!<", start);
  while (!isSpaceOrEnd(text, end)) {
    const unit = text.charCodeAt(end);
    const isFlowIndicator = unit === 0x2c || unit === 0x5b || unit === 0x5d || unit === 0x7b || unit === 0x7d;
    if (isFlowIndicator && !isVerbatim && (inFlow || !isTag)) break;
    end++;
    if (isVerbatim && unit === 0x3e) break;
  }
  return end;
}
