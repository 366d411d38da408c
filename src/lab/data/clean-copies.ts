import { type Examined, refused } from './clean-document.js';
import { createDocumentIds } from './document-ids.js';
import { createDuplicateIndex } from './exact-duplicates.js';
import { createNearDuplicateIndex } from './min-hash.js';
import { createPassageCutter, type PassageCutter } from './repeated-passages.js';

export interface CopySettings {
  /** Texts at least this alike to one before are copies; 0 compares texts as they are only. */
  readonly nearDuplicates: number;
  /** Passages this long that stood before are cut, in UTF-16 units; 0 leaves them. */
  readonly repeatedPassages: number;
  /** Characters that a text must have without them. */
  readonly minCharacters: number;
}

/**
 * Leaves out copies of documents before, and passages that stood in one: they come one by one, in the order of the corpus.
 * @throws MoatError `too-many-passages`, from the filter
 */
export function createCopyFilter(settings: CopySettings): (examined: Examined) => Examined {
  const { nearDuplicates, repeatedPassages, minCharacters } = settings;
  const ids = createDocumentIds();
  const exact = createDuplicateIndex();
  const near = nearDuplicates > 0 ? createNearDuplicateIndex(nearDuplicates) : undefined;
  const passages = repeatedPassages > 0 ? createPassageCutter(repeatedPassages) : undefined;
  let next = 0;
  return (examined) => {
    if (examined.kind === 'dropped') return examined;
    const { document, fingerprint } = examined;
    const first = exact.firstWith(fingerprint.digest, next);
    if (first !== undefined) {
      const copyOf = ids.idOf(first);
      const detail = `is the same text as ${copyOf}`;
      return refused(document, document.text, { reason: 'exact-duplicate', detail, copyOf });
    }
    next = ids.add(document.id, document.origin) + 1;
    const alike = fingerprint.minima && near?.findOrKeep(fingerprint.minima, next - 1);
    if (alike === undefined) return passages === undefined ? examined : cutPassages(examined, passages, minCharacters);
    const share = Math.round(alike.similarity * 100);
    const copyOf = ids.idOf(alike.document);
    const detail = `shares ${share} % of its 5-grams with ${copyOf}`;
    return refused(document, document.text, { reason: 'near-duplicate', detail, copyOf });
  };
}

type Clean = Extract<Examined, { kind: 'clean' }>;

function cutPassages(examined: Clean, passages: PassageCutter, minCharacters: number): Examined {
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
