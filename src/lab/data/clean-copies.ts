import { type Examined, refused } from './clean-document.js';
import { createDocumentIds } from './document-ids.js';
import { createDuplicateIndex } from './exact-duplicates.js';
import { createNearDuplicateIndex } from './min-hash.js';

/**
 * Leaves out copies of documents before: those come one by one, in the order of the corpus.
 * @param nearDuplicates texts at least this alike to one before are copies; 0 compares texts as they are only
 */
export function createCopyFilter(nearDuplicates: number): (examined: Examined) => Examined {
  const ids = createDocumentIds();
  const exact = createDuplicateIndex();
  const near = nearDuplicates > 0 ? createNearDuplicateIndex(nearDuplicates) : undefined;
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
    if (alike === undefined) return examined;
    const share = Math.round(alike.similarity * 100);
    const copyOf = ids.idOf(alike.document);
    const detail = `shares ${share} % of its 5-grams with ${copyOf}`;
    return refused(document, document.text, { reason: 'near-duplicate', detail, copyOf });
  };
}
