/**
 * Grapheme clusters (Unicode Standard Annex 29) of texts of any length. `Intl.Segmenter` alone takes time that grows with
 * the square of a text's length, so it sees short parts only, and of those only what it is needed for.
 */
const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** UTF-16 units given to the segmenter at once. */
const PART_UNITS = 1024;

/** Latin, Han and full-width forms: two of them in a row are never one cluster, save CR LF. */
function isSimple(unit: number): boolean {
  if (unit < 0x300) return unit !== 0x0d;
  return (unit >= 0x3400 && unit <= 0x9fff) || (unit >= 0x3000 && unit <= 0x3029) || (unit >= 0xff01 && unit <= 0xff60);
}

/** Calls `visit` with every cluster, in order. */
export function forEachGrapheme(text: string, visit: (grapheme: string) => void): void {
  for (let start = 0; start < text.length;) {
    if (isBoundary(text, start + 1)) {
      visit(text[start] as string);
      start++;
      continue;
    }
    let end = start + 1;
    while (!isBoundary(text, end)) end++;
    visitRun(text.slice(start, end), visit);
    start = end;
  }
}

/** Whether a cluster surely ends before this unit. */
function isBoundary(text: string, at: number): boolean {
  return at >= text.length || (isSimple(text.charCodeAt(at - 1)) && isSimple(text.charCodeAt(at)));
}

function visitRun(run: string, visit: (grapheme: string) => void): void {
  let size = PART_UNITS;
  for (let start = 0; start < run.length;) {
    const isLast = start + size >= run.length;
    const segments = Array.from(segmenter.segment(run.slice(start, start + size)), ({ segment }) => segment);
    // the last cluster of a part may go on in the next
    const whole = isLast ? segments : segments.slice(0, -1);
    for (const segment of whole) {
      visit(segment);
      start += segment.length;
    }
    size = whole.length === 0 ? 2 * size : PART_UNITS;
  }
}
