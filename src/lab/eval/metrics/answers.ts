/** How near an answer is to the expected one, with SQuAD's measures (Rajpurkar et al. 2016). */

/**
 * Tokens that are compared: of English, words in lower case without articles and punctuation; of Chinese, Japanese and Thai,
 * characters, as in CMRC (Cui et al. 2019).
 */
export function answerTokens(text: string): string[] {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/\p{P}|\p{S}/gu, ' ');
  const pieces =
    plain.match(
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+/gu,
    ) ?? [];
  return pieces.filter((piece) => piece !== 'a' && piece !== 'an' && piece !== 'the');
}

export function exactMatch(answer: string, expected: string): boolean {
  return answerTokens(answer).join(' ') === answerTokens(expected).join(' ');
}

/** The harmonic mean of the share of tokens that are right and the share of right ones that are there; 1 for two empty texts. */
export function tokenF1(answer: string, expected: string): number {
  const [given, wanted] = [answerTokens(answer), answerTokens(expected)];
  if (given.length === 0 || wanted.length === 0) return Number(given.length === wanted.length);
  const left = new Map<string, number>();
  for (const token of wanted) left.set(token, (left.get(token) ?? 0) + 1);
  let shared = 0;
  for (const token of given) {
    const rest = left.get(token) ?? 0;
    if (rest === 0) continue;
    left.set(token, rest - 1);
    shared++;
  }
  return (2 * shared) / (given.length + wanted.length);
}
