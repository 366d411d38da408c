/**
 * The ids of a corpus, small: most are their origin and a position in it, so that a number each is enough. Some 8 bytes a
 * document, where a string has 60 and more.
 */
export interface DocumentIds {
  /** @returns the number of the document, from 0 in the order they are added */
  add(id: string, origin: string): number;
  /** The id as it was added. @throws RangeError for a number that was not given out */
  idOf(document: number): string;
}

const CHUNK = 65_536;
const POSITION = /^#([1-9]\d{0,8})$/;

export function createDocumentIds(): DocumentIds {
  const origins: string[] = [];
  const numberOf = new Map<string, number>();
  // chunks, as one array that doubles would for a moment take three times its size
  const chunks: { readonly origins: Uint32Array; readonly positions: Uint32Array }[] = [];
  /** Ids that are not an origin with a position; their position is 0. */
  const others = new Map<number, string>();
  let count = 0;
  const originNumber = (origin: string): number => {
    const known = numberOf.get(origin);
    if (known !== undefined) return known;
    const number = origins.push(origin) - 1;
    numberOf.set(origin, number);
    return number;
  };
  return {
    add(id, origin) {
      const at = count % CHUNK;
      if (at === 0) chunks.push({ origins: new Uint32Array(CHUNK), positions: new Uint32Array(CHUNK) });
      const chunk = chunks[chunks.length - 1];
      const position = id.startsWith(origin) ? POSITION.exec(id.slice(origin.length))?.[1] : undefined;
      if (position === undefined) others.set(count, id);
      else if (chunk !== undefined) {
        chunk.origins[at] = originNumber(origin);
        chunk.positions[at] = Number(position);
      }
      return count++;
    },
    idOf(document) {
      const other = others.get(document);
      if (other !== undefined) return other;
      const chunk = chunks[Math.floor(document / CHUNK)];
      if (chunk === undefined || document >= count) throw new RangeError(`no document ${document} of ${count}`);
      const at = document % CHUNK;
      return `${origins[chunk.origins[at] ?? 0]}#${chunk.positions[at]}`;
    },
  };
}
