/**
 * Obscene words and slurs, and how much of a text they are. The lists are Moat's own and short on purpose: words that are
 * obscene in any context. What is also a word of medicine, of news, of cooking or of another language is not among them.
 */

/** Base64 of UTF-8, words by spaces, so that this page can be read anywhere; `base64 -d` shows them. */
const ENGLISH = [
  'YXJzZWhvbGUgYXJzZWhvbGVzIGFzc2hhdCBhc3Nob2xlIGFzc2hvbGVzIGJhbGxzYWNrIGJlYW5lciBiZWFuZXJzIGJpdGNoIGJp',
  'dGNoZXMgYml0Y2hpbmcgYmxvd2pvYiBibG93am9icyBidWtrYWtlIGJ1bGxzaGl0IGNsdXN0ZXJmdWNrIGNvY2tzdWNrZXIgY29j',
  'a3N1Y2tlcnMgY3JlYW1waWUgY3Vtc2hvdCBjdW1zaG90cyBjdW50IGN1bnRzIGRlZXB0aHJvYXQgZGlja2hlYWQgZGlja2hlYWRz',
  'IGRpcHNoaXQgZG9nZnVja2VyIGRvdWNoZWJhZyBkdW1iYXNzIGZhZyBmYWdnb3QgZmFnZ290cyBmYWdzIGZ1Y2sgZnVja2VkIGZ1',
  'Y2tlciBmdWNrZXJzIGZ1Y2toZWFkIGZ1Y2tpbiBmdWNraW5nIGZ1Y2tzIGZ1Y2t0YXJkIGdhbmdiYW5nIGdhbmdiYW5ncyBnb29r',
  'IGdvb2tzIGhhbmRqb2IgaG9yc2VzaGl0IGphY2tvZmYgaml6eiBraWtlIGtpa2VzIG1pbGYgbWlsZnMgbW90aGFmdWNrYSBtb3Ro',
  'ZXJmdWNrZXIgbW90aGVyZnVja2VycyBtb3RoZXJmdWNraW5nIG5pZ2dhIG5pZ2dhcyBuaWdnZXIgbmlnZ2VycyBuaWdndWggbnVt',
  'Ym51dHMgcHVzc2llcyByYWdoZWFkIHJhZ2hlYWRzIHJpbWpvYiBzaGl0IHNoaXRiYWcgc2hpdGUgc2hpdGZhY2Ugc2hpdGhlYWQg',
  'c2hpdGhlYWRzIHNoaXRsZXNzIHNoaXRzIHNoaXR0aW5nIHNoaXR0eSBzbHV0IHNsdXRzIHNsdXR0eSB0aXR0aWVzIHRpdHR5IHRy',
  'YW5uaWVzIHRyYW5ueSB0d2F0IHR3YXRzIHdhbmsgd2Fua2VyIHdhbmtlcnMgd2Fua2luZyB3ZXRiYWNrIHdldGJhY2tzIHdob3Jl',
  'IHdob3Jlcw==',
];

/** Simplified and traditional. */
const CHINESE = [
  '5pON5L2g5aaIIOaTjeS9oOWqvSDojYnms6Xpqawg6I2J5rOl6aasIOiCj+S9oCDml6XkvaDlpogg5pel5L2g5aq9IOW5suS9oOWo',
  'mCDlubnkvaDlqJgg5LuW5aaI55qEIOS7luWqveeahCDkvaDlpojpgLwg5L2g5aq96YC8IOWmiOmAvCDlqr3pgLwg5YK76YC8IOWC',
  'u+WxhCDpuKHlt7Qg6Zue5be0IOeLl+aXpeeahCDni5flqJjlhbvnmoQg54uX5aiY6aSK55qEIOWpiuWtkCDoh63lqYrlrZAg546L',
  '5YWr6JuLIOm+n+WEv+WtkCDpvpzlhZLlrZAg6LSx6LSnIOizpOiyqCDpqprotKcg6ai36LKoIOmqmumAvCDpqLfpgLwg5rWq6LSn',
  'IOeDgui0pyDniJvosqgg5q275YWo5a62IOWFqOWutuatu+WFiSDljrvkvaDlpojnmoQg5Y675L2g5aq955qEIOa7muS9oOWmiCDl',
  'j6PkuqQg6IKb5LqkIOS5s+S6pCDnvqTkuqQg6aKc5bCEIOmhj+WwhCDlj6PniIYg6IKJ5qOSIOa3q+awtCDmt6vnqbQg5rer6I2h',
  'IOa3q+iVqSDmt6vlpocg5rer5ammIOmqmueptCDpqLfnqbQg5bCP56m0IOaPkueptCDmk43pgLwg57qm54KuIOe0hOeCriDoo7jo',
  'gYog5oCn5aW0IOm7hOeJhyDpu4PniYcg5r+A5oOF6KeG6aKRIOa/gOaDheimlumguyDmlK/pgqPnjKog5pSv6YKj6LGsIOaUr+mC',
  'oyDpu5HprLwg5bC85ZOlIOeZveearueMqiDnmb3nmq7osawg5bCP5pel5pysIOatu+WfuuS9rCDmrbvlj5jmgIEg5q276K6K5oWL',
];

/** One word in fewer says more about the mood of its writer than about the text. In words, in Chinese in characters. */
const MIN_WORDS = 100;
const MIN_HAN_CHARACTERS = 200;

const decode = (lines: readonly string[]): string[] =>
  Buffer.from(lines.join(''), 'base64').toString('utf8').split(' ');

const ENGLISH_WORDS: ReadonlySet<string> = new Set(decode(ENGLISH));
/** Longer words first, so that none is cut short by its own beginning. */
const CHINESE_WORDS = new RegExp(
  decode(CHINESE)
    .sort((a, b) => b.length - a.length)
    .join('|'),
  'g',
);
/** Most texts hold none, and are done after one scan. */
const ANY_ENGLISH_WORD = new RegExp(`\\b(?:${[...ENGLISH_WORDS].join('|')})\\b`, 'i');

/**
 * The share of a text's words that are flagged; in Chinese, of its characters (Data-Juicer, arXiv:2309.02033,
 * `flagged_words_filter`, with other lists).
 * @param language as `identifyLanguage` names it
 * @param words of an English text, asked for only where one is flagged
 * @param hanCharacters of a Chinese text, likewise
 * @returns undefined in other languages and in texts too short to tell
 */
export function flaggedShare(
  text: string,
  language: string,
  words: () => readonly string[],
  hanCharacters: () => number,
): number | undefined {
  if (language === 'en') return ANY_ENGLISH_WORD.test(text) ? ofWords(words()) : 0;
  if (!language.startsWith('zh')) return undefined;
  let flagged = 0;
  for (const word of text.match(CHINESE_WORDS) ?? []) flagged += word.length;
  if (flagged === 0) return 0;
  const all = hanCharacters();
  return all < MIN_HAN_CHARACTERS ? undefined : flagged / all;
}

function ofWords(words: readonly string[]): number | undefined {
  if (words.length < MIN_WORDS) return undefined;
  let flagged = 0;
  for (const word of words) if (ENGLISH_WORDS.has(word.toLowerCase())) flagged++;
  return flagged / words.length;
}
