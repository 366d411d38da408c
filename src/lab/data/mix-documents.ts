/**
 * The mixture as a stream: documents repeated or left out as `mixture.ts` plans, in an order shuffled over the whole corpus,
 * so that any beginning of it holds every group in its share. Memory is some 30 bytes a document taken, and at most one
 * pass's texts: the corpus is read several times, each time for the next stretch of the order.
 */
import type { Document } from './document.js';
import {
  type GroupShare,
  languageGroup,
  type MixtureSettings,
  planMixture,
  tallyGroups,
  timesTaken,
  uniformOf,
} from './mixture.js';

export interface MixSettings extends MixtureSettings {
  /** Default 1. */
  readonly seed?: number;
  /** Default: its language. */
  readonly groupOf?: (document: Document) => string;
  /** Texts held at a time, in bytes. Default 256 MiB. */
  readonly maxHeldBytes?: number;
}

const MAX_HELD_BYTES = 256 * 1024 * 1024;

export interface MixedCorpus {
  /** Every group before and after. */
  readonly groups: readonly GroupShare[];
  /** Bytes of the mixture. */
  readonly bytes: number;
  documents(): AsyncGenerator<Document>;
}

/**
 * Plans the mixture in one pass over the corpus; reading `documents()` takes as many more as the texts need.
 * @param open starts the corpus again from its beginning; the same documents in the same order every time
 */
export async function mixDocuments(
  open: () => AsyncIterable<Document>,
  settings: MixSettings = {},
): Promise<MixedCorpus> {
  const { seed = 1, groupOf = languageGroup, maxHeldBytes = MAX_HELD_BYTES } = settings;
  const groups = planMixture(await tallyGroups(open(), groupOf), settings);
  const repeats = new Map(groups.map((share) => [share.group, share.repeats]));
  const draws = await drawOrder(open(), (document) => repeats.get(groupOf(document)) ?? 0, seed);
  return { groups, bytes: draws.bytes, documents: () => inOrder(open, draws, maxHeldBytes) };
}

/** Which document comes when: `documents[k]` is the position in the corpus of the k-th of the mixture. */
interface Draws {
  readonly documents: Float64Array;
  /** UTF-8 bytes by position in the corpus. */
  readonly sizes: readonly number[];
  readonly bytes: number;
}

async function drawOrder(
  corpus: AsyncIterable<Document>,
  repeatsOf: (document: Document) => number,
  seed: number,
): Promise<Draws> {
  const places: number[] = [];
  const keys: number[] = [];
  const sizes: number[] = [];
  let bytes = 0;
  for await (const document of corpus) {
    const times = timesTaken(document.id, repeatsOf(document), seed);
    const size = Buffer.byteLength(document.text);
    for (let time = 0; time < times; time++) {
      // repeats fall into equal parts of the mixture, so that a document does not follow itself
      keys.push((time + uniformOf(`${seed}\n${time}\n${document.id}`)) / times);
      places.push(sizes.length);
    }
    sizes.push(size);
    bytes += times * size;
  }
  const order = Uint32Array.from(keys, (_, index) => index).sort(
    (a, b) => (keys[a] as number) - (keys[b] as number) || a - b,
  );
  return { documents: Float64Array.from(order, (index) => places[index] as number), sizes, bytes };
}

async function* inOrder(
  open: () => AsyncIterable<Document>,
  { documents, sizes }: Draws,
  maxHeldBytes: number,
): AsyncGenerator<Document> {
  let start = 0;
  while (start < documents.length) {
    const wanted = new Set<number>();
    let held = 0;
    let end = start;
    for (; end < documents.length; end++) {
      const place = documents[end] as number;
      if (wanted.has(place)) continue;
      held += sizes[place] as number;
      if (held > maxHeldBytes && wanted.size > 0) break;
      wanted.add(place);
    }
    const texts = await collect(open(), wanted);
    for (let at = start; at < end; at++) yield texts.get(documents[at] as number) as Document;
    start = end;
  }
}

async function collect(corpus: AsyncIterable<Document>, wanted: ReadonlySet<number>): Promise<Map<number, Document>> {
  const found = new Map<number, Document>();
  let place = 0;
  for await (const document of corpus) {
    if (wanted.has(place)) found.set(place, document);
    place++;
    if (found.size === wanted.size) break;
  }
  return found;
}
