/** What a tagger sees of each token: the word, its shape and ends, its neighbours, and the run of signs it stands in. */
import type { TextToken } from '../text-tokens.js';

const LONGEST_END = 4;
const NEAR = [-2, -1, 1, 2] as const;
const MAX_SHAPE = 12;

/** `Aa-0000`: capitals, small letters, digits, other scripts, and signs as they are; long ones are cut. */
function shapeOf(word: string): string {
  return word
    .slice(0, MAX_SHAPE)
    .replaceAll(/\p{Lu}/gu, 'A')
    .replaceAll(/\p{Ll}/gu, 'a')
    .replaceAll(/\p{N}/gu, '0')
    .replaceAll(/\p{Script=Han}/gu, '汉');
}

/** The same with repetitions left out: `Aa-0`. */
const shortShape = (word: string): string => shapeOf(word).replaceAll(/(.)\1+/gu, '$1');

interface Seen {
  readonly word: string;
  readonly shape: string;
}

const OUTSIDE: Seen = { word: '∎', shape: '∎' };

/** Features of each token, by name. Every one says where it is from, so that equal words in other places are other features. */
export function tokenFeatures(text: string, tokens: readonly TextToken[]): string[][] {
  const seen = tokens.map(({ text: word }): Seen => ({ word: word.toLowerCase(), shape: shortShape(word) }));
  const runs = runShapes(text, tokens);
  const cuts = wordCuts(text);
  const at = (index: number): Seen => seen[index] ?? OUTSIDE;
  const cutOf = (token: TextToken | undefined): string => (token === undefined || cuts.has(token.end) ? '|' : '-');
  return tokens.map(({ text: word }, index) => {
    const { word: lower, shape } = at(index);
    const features = [
      'bias',
      `w=${lower}`,
      `s=${shapeOf(word)}`,
      `run=${runs[index]}`,
      `cut=${cutOf(tokens[index - 1])}${cutOf(tokens[index])}`,
      `shape=${shape}`,
    ];
    for (let length = 1; length <= Math.min(LONGEST_END, lower.length - 1); length++) {
      features.push(`p=${lower.slice(0, length)}`, `e=${lower.slice(-length)}`);
    }
    for (const offset of NEAR) {
      const near = at(index + offset);
      features.push(`w${offset}=${near.word}`, `s${offset}=${near.shape}`);
    }
    features.push(
      `w-1,0=${at(index - 1).word} ${lower}`,
      `w0,1=${lower} ${at(index + 1).word}`,
      `w-2,-1=${at(index - 2).word} ${at(index - 1).word}`,
      `w1,2=${at(index + 1).word} ${at(index + 2).word}`,
      `s-1,0,1=${at(index - 1).shape} ${shape} ${at(index + 1).shape}`,
    );
    return features;
  });
}

/** The shape of what stands between the spaces around a token; an address for mail is one run. */
function runShapes(text: string, tokens: readonly TextToken[]): string[] {
  const shapes: string[] = [];
  let first = 0;
  for (let index = 1; index <= tokens.length; index++) {
    const [before, here] = [tokens[index - 1] as TextToken, tokens[index]];
    if (here !== undefined && here.start === before.end && isWestern(here.text) === isWestern(before.text)) continue;
    const shape = shortShape(text.slice((tokens[first] as TextToken).start, before.end).slice(0, 40));
    for (; first < index; first++) shapes.push(shape);
  }
  return shapes;
}

/** In Chinese a run is of one script: there are no spaces. */
const isWestern = (word: string): boolean => !/[\p{Script=Han}，。；：、！？（）《》“”]/u.test(word);

/** Where words of the dictionary end: for scripts without spaces. */
function wordCuts(text: string): Set<number> {
  const segments = new Intl.Segmenter('zh', { granularity: 'word' }).segment(text);
  return new Set(Array.from(segments, ({ index, segment }) => index + segment.length));
}
