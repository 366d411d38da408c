/**
 * What one document goes through between its reader and the corpus, in this order: the filters of every text, personal
 * data, language, quality, test sets, copies. The first that refuses says why.
 */
import type { ContaminationIndex } from './contamination.js';
import type { Document, Dropped } from './document.js';
import { createDuplicateIndex } from './exact-duplicates.js';
import { applyFilters } from './filters.js';
import { identifyLanguage } from './language.js';
import { createNearDuplicateIndex } from './min-hash.js';
import { type PiiCounts, type PiiPolicy, applyPii } from './pii.js';
import { type QualitySet, judgeQuality } from './quality.js';

export interface CleaningSettings {
  /** Replaces thresholds of `FILTERS` and of the rules of quality, by name. */
  readonly thresholds: Readonly<Record<string, number>>;
  readonly personalData: PiiPolicy;
  /** Tags to keep; all when undefined. */
  readonly languages: readonly string[] | undefined;
  readonly quality: QualitySet;
  /** Texts at least this alike to one before are left out; 0 leaves them in. */
  readonly nearDuplicates: number;
  /** Test sets whose n-grams must not be trained on. */
  readonly contamination: ContaminationIndex | undefined;
}

export type CleanResult =
  | { readonly kind: 'kept'; readonly document: Document; readonly masked: PiiCounts }
  | { readonly kind: 'dropped'; readonly dropped: Dropped };

type Refusal = Pick<Dropped, 'reason' | 'detail'>;

/** Remembers what it kept, so that copies are known: documents come one by one, in their order. */
export function createCleaner(settings: CleaningSettings): (document: Document) => CleanResult {
  const copyOf = createCopyFinder(settings.nearDuplicates);
  return (document) => {
    const { id, origin } = document;
    const refuse = (text: string, { reason, detail }: Refusal): CleanResult => ({
      kind: 'dropped',
      dropped: { id, origin, reason, detail, ...traceOf(text, reason) },
    });
    const filtered = applyFilters(document.text, settings.thresholds);
    if (filtered.kind === 'dropped') return refuse(document.text, filtered);
    const personal = applyPii(filtered.text, settings.personalData);
    if (personal.kind === 'dropped') return refuse(filtered.text, { reason: PERSONAL_DATA, detail: personal.detail });
    const { text } = personal;
    const { language } = identifyLanguage(text);
    const refusal =
      otherLanguage(language, settings.languages) ??
      poorQuality(text, language, settings) ??
      testText(text, settings.contamination) ??
      copyOf(text, id);
    if (refusal !== undefined) return refuse(text, refusal);
    return { kind: 'kept', document: { ...document, text, language }, masked: personal.counts };
  };
}

const PERSONAL_DATA = 'personal-data';
const EXCERPT_CHARACTERS = 160;

/** What is kept of a text that is left out: enough to know it again, unless it is left out for what it tells. */
function traceOf(text: string, reason: string): Pick<Dropped, 'bytes' | 'excerpt'> {
  const bytes = Buffer.byteLength(text);
  if (reason === PERSONAL_DATA) return { bytes };
  const characters = Array.from(text.slice(0, 2 * EXCERPT_CHARACTERS)).slice(0, EXCERPT_CHARACTERS);
  return { bytes, excerpt: characters.join('') };
}

function otherLanguage(language: string, wanted: readonly string[] | undefined): Refusal | undefined {
  if (wanted === undefined || wanted.includes(language)) return undefined;
  return { reason: 'language', detail: `is ${language}, wanted are ${wanted.join(', ')}` };
}

function poorQuality(
  text: string,
  language: string,
  { quality, thresholds }: Pick<CleaningSettings, 'quality' | 'thresholds'>,
): Refusal | undefined {
  const rejection = judgeQuality(text, language, { set: quality, thresholds });
  return rejection && { reason: rejection.rule, detail: rejection.detail };
}

function testText(text: string, index: ContaminationIndex | undefined): Refusal | undefined {
  const [worst] = index?.find(text) ?? [];
  if (worst === undefined) return undefined;
  const share = Math.max(1, Math.round(worst.share * 100));
  return { reason: 'test-text', detail: `shares ${share} % with ${worst.testSet}, such as "${worst.example}"` };
}

/** Why a text is a copy of one before, or undefined. */
function createCopyFinder(nearDuplicates: number): (text: string, id: string) => Refusal | undefined {
  const exact = createDuplicateIndex();
  const near = nearDuplicates > 0 ? createNearDuplicateIndex(nearDuplicates) : undefined;
  return (text, id) => {
    const first = exact.firstWith(text, id);
    if (first !== undefined) return { reason: 'exact-duplicate', detail: `is the same text as ${first}` };
    const alike = near?.findOrKeep(text, id);
    if (alike === undefined) return undefined;
    const share = Math.round(alike.similarity * 100);
    return { reason: 'near-duplicate', detail: `shares ${share} % of its 5-grams with ${alike.id}` };
  };
}
