/** What a text is written in, for scores by language: told by its letters alone, so that short answers can be told too. */
export function scriptOf(text: string): 'zh' | 'en' | 'mixed' | 'other' {
  const han = text.match(/\p{Script=Han}/gu)?.length ?? 0;
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  if (han + latin < letters / 2 || letters === 0) return 'other';
  // a word of Latin letters has about five, one of Han two
  const share = han / 2 / (han / 2 + latin / 5);
  if (share > 0.8) return 'zh';
  return share < 0.2 ? 'en' : 'mixed';
}
