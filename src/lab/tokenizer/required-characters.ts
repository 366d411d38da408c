/** Characters that a vocabulary spells singly: the others are spelled in bytes, or not at all. */

/** Share of all characters of the texts that pieces cover, as SentencePiece advises for Chinese and Japanese. */
export const COVERAGE = 0.9995;

/**
 * The most frequent characters of the pieces, most frequent first.
 * @param most never more than these; printable ASCII is always among them
 * @param coverage share of all characters of the texts that they need to cover
 */
export function requiredCharacters(counts: ReadonlyMap<string, number>, most: number, coverage: number): string[] {
  const frequencies = new Map<string, number>();
  let total = 0;
  for (const [piece, count] of counts) {
    for (const character of piece) {
      frequencies.set(character, (frequencies.get(character) ?? 0) + count);
      total += count;
    }
  }
  const chosen = new Set(ASCII);
  let covered = 0;
  for (const character of chosen) covered += frequencies.get(character) ?? 0;
  const rest = [...frequencies].filter(([character]) => !chosen.has(character) && !/\p{Cs}/u.test(character));
  rest.sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  for (const [character, count] of rest) {
    if (covered >= coverage * total || chosen.size >= most) break;
    chosen.add(character);
    covered += count;
  }
  return [...chosen];
}

const ASCII: readonly string[] = ['\n', '\t', ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))];
