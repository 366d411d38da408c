import { type Examined, refused } from './clean-document.js';
import { createDocumentIds } from './document-ids.js';
import { createDuplicateIndex } from './exact-duplicates.js';
import { createNearDuplicateIndex } from './min-hash.js';
import { createNumberList } from './number-list.js';
import { createPassageCutter, type PassageCutter } from './repeated-passages.js';

type Clean = Extract<Examined, { kind: 'clean' }>;
type Dropped = Extract<Examined, { kind: 'dropped' }>;

interface Kept extends Clean {
  /** The same number for texts that share much: they belong on the same side of a split. */
  readonly cluster: number;
}
export type Filtered = Kept | Dropped;

export interface CopySettings {
  /** Texts at least this alike to one before are copies; 0 leaves out those that are the same only. */
  readonly nearDuplicates: number;
  /** Passages this long that stood before are cut, in UTF-16 units; 0 leaves them. */
  readonly repeatedPassages: number;
  /** Characters that a text must have without them. */
  readonly minCharacters: number;
}

/** Texts made by one template are all alike: a cluster of half a corpus would be trained on, or measured with, as a whole. */
const MAX_CLUSTER = 16;

/**
 * Leaves out copies of documents before, and passages that stood in one: they come one by one, in the order of the corpus.
 * @throws MoatError `too-many-passages`, from the filter
 */
export function createCopyFilter(settings: CopySettings): (examined: Examined) => Filtered {
  const { nearDuplicates, repeatedPassages, minCharacters } = settings;
  const ids = createDocumentIds();
  const exact = createDuplicateIndex();
  const near = createNearDuplicateIndex(nearDuplicates > 0 ? nearDuplicates : Infinity);
  const clusters = createNumberList('whole');
  const sizes = createNumberList('whole');
  const passages = repeatedPassages > 0 ? createPassageCutter(repeatedPassages) : undefined;
  let next = 0;
  // the last document that is no changed copy, and where it stands: its cluster, or nowhere when it was left out
  let original: { readonly origin: string; readonly cluster: number | undefined } | undefined;
  const filter = (examined: Clean): Filtered => {
    const { document, fingerprint } = examined;
    const first = exact.firstWith(fingerprint.digest, next);
    if (first !== undefined) {
      const copyOf = ids.idOf(first);
      const detail = `is the same text as ${copyOf}`;
      return refused(document, document.text, { reason: 'exact-duplicate', detail, copyOf });
    }
    next = ids.add(document.id, document.origin) + 1;
    if (document.augmentedFrom !== undefined) return augmentedCopy(examined, original);
    const alike = near.findOrKeep(fingerprint.minima, next - 1);
    // of a text that is left out none will be asked for
    const related = alike === undefined ? next - 1 : clusters.at(alike.document);
    const cluster = sizes.at(related) < MAX_CLUSTER ? related : next - 1;
    clusters.set(next - 1, cluster);
    sizes.set(cluster, sizes.at(cluster) + 1);
    if (alike?.isCopy !== true) {
      const kept = { ...examined, cluster };
      return passages === undefined ? kept : cutPassages(kept, passages, minCharacters);
    }
    const share = Math.round(alike.similarity * 100);
    const copyOf = ids.idOf(alike.document);
    const detail = `shares ${share} % of its 5-grams with ${copyOf}`;
    return refused(document, document.text, { reason: 'near-duplicate', detail, copyOf });
  };
  return (examined) => {
    const result = examined.kind === 'dropped' ? examined : filter(examined);
    const { origin, augmentedFrom } = examined.kind === 'dropped' ? examined.dropped : examined.document;
    if (augmentedFrom === undefined)
      original = { origin, cluster: result.kind === 'dropped' ? undefined : result.cluster };
    return result;
  };
}

/** Being alike is what a changed copy is made for: it goes where its original went. */
function augmentedCopy(
  examined: Clean,
  original: { readonly origin: string; readonly cluster: number | undefined } | undefined,
): Filtered {
  const { document } = examined;
  if (original?.origin === document.origin && original.cluster !== undefined) {
    return { ...examined, cluster: original.cluster };
  }
  const detail = `is a changed copy of ${document.augmentedFrom}, which does not stand before it or was left out`;
  return refused(document, document.text, { reason: AUGMENTED, detail });
}

/** Why changed copies are left out. */
export const AUGMENTED = 'augmented-copy';

function cutPassages(examined: Kept, passages: PassageCutter, minCharacters: number): Filtered {
  const { document, masked } = examined;
  const remains = passages.cut(document.text, minCharacters);
  if (remains === undefined) {
    const detail = `fewer than ${minCharacters} characters stood in no document before`;
    return refused(document, document.text, { reason: 'repeated-passages', detail });
  }
  const { text, cuts } = remains;
  if (cuts.length === 0) return examined;
  return { ...examined, document: { ...document, text }, masked: { ...masked, 'repeated passages': cuts.length } };
}
