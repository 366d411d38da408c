/** Whether generated texts repeat themselves, and whether they repeat what the model was trained on. */

/** Different n-grams of all texts together, as a share of all (distinct-n; Li et al. 2016). NaN where there is none. */
export function distinct(texts: readonly (readonly string[])[], order: number): number {
  const seen = new Set<string>();
  let count = 0;
  for (const tokens of texts) {
    for (let at = 0; at + order <= tokens.length; at++) {
      seen.add(tokens.slice(at, at + order).join('\u0000'));
      count++;
    }
  }
  return count === 0 ? Number.NaN : seen.size / count;
}

/** The share of a text's n-grams that stood in it before (rep-n; Welleck et al. 2020); 0 for a text shorter than one. */
export function repetition(tokens: readonly string[], order = 4): number {
  const count = tokens.length - order + 1;
  return count <= 0 ? 0 : 1 - distinct([tokens], order);
}

export interface Memorisation {
  /** The share of characters that lie in passages which stand word for word in the training text. */
  readonly share: number;
  /** The longest such passage. */
  readonly longest: string;
}

/** A passage as long as this is no coincidence (Carlini et al. 2023 take 50 tokens; this many characters are fewer). */
export const PASSAGE_CHARACTERS = 50;

/** Finds what of a text stands in the training texts. */
export interface MemoryIndex {
  measure(text: string): Memorisation;
}

/**
 * Every passage of the training texts is looked up by its characters, so that nothing is found that is not there. Memory is
 * some 10 bytes a `step` of characters; a passage found is followed to both sides.
 * @param length of the shortest passage that counts, in UTF-16 units
 */
export function createMemoryIndex(training: readonly string[], length = PASSAGE_CHARACTERS): MemoryIndex {
  // a passage of `length` holds a whole block that begins at a multiple of the step
  const step = Math.floor((length + 1) / 2);
  const blocks = new Map<string, { text: number; at: number }[]>();
  for (const [text, content] of training.entries()) {
    for (let at = 0; at + step <= content.length; at += step) {
      const block = content.slice(at, at + step);
      const places = blocks.get(block);
      if (places === undefined) blocks.set(block, [{ text, at }]);
      else if (places.length < MOST_PLACES) places.push({ text, at });
    }
  }
  return {
    measure(text) {
      const covered = new Uint8Array(text.length);
      let longest = '';
      for (let at = 0; at + step <= text.length; at++) {
        for (const place of blocks.get(text.slice(at, at + step)) ?? []) {
          const passage = extend(text, at, training[place.text] as string, place.at, step);
          if (passage.end - passage.start < length) continue;
          covered.fill(1, passage.start, passage.end);
          if (passage.end - passage.start > longest.length) longest = text.slice(passage.start, passage.end);
        }
      }
      const share = text.length === 0 ? 0 : covered.reduce((sum, each) => sum + each, 0) / text.length;
      return { share, longest };
    },
  };
}

/** Of a block that stands everywhere, such as spaces, so many places are enough. */
const MOST_PLACES = 64;

function extend(text: string, at: number, source: string, from: number, step: number): { start: number; end: number } {
  let back = 0;
  while (at - back > 0 && from - back > 0 && text[at - back - 1] === source[from - back - 1]) back++;
  let end = step;
  while (at + end < text.length && text[at + end] === source[from + end] && from + end < source.length) end++;
  return { start: at - back, end: at + end };
}
