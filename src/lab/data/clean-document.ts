/**
 * What one document goes through between its reader and the corpus, in this order: the filters of every text, personal
 * data, language, quality, test sets. The first that refuses says why. Nothing here knows another document, so that every
 * thread can do it; copies, which need an order, are found by `clean-copies.ts`.
 */
import type { ContaminationIndex } from './contamination.js';
import type { Document, Dropped } from './document.js';
import { digestOf } from './exact-duplicates.js';
import { applyFilters } from './filters.js';
import { identifyLanguage } from './language.js';
import { minHash } from './min-hash.js';
import { type PiiPolicy, applyPii } from './pii.js';
import { type QualitySet, judgeQuality } from './quality.js';
import type { RawItem } from './read-documents.js';

/** Everything that decides about a document by itself. */
export interface ExaminationSettings {
  /** Replaces thresholds of `FILTERS` and of the rules of quality, by name. */
  readonly thresholds: Readonly<Record<string, number>>;
  readonly personalData: PiiPolicy;
  /** Tags to keep; all when undefined. */
  readonly languages: readonly string[] | undefined;
  readonly quality: QualitySet;
}

/** What a document is known again by. */
export interface Fingerprint {
  /** `[4]`, as `digestOf` gives it. */
  readonly digest: Uint32Array;
  /** `[112]`, as `minHash` gives it. */
  readonly minima: Uint32Array;
}

export type Examined =
  | {
      readonly kind: 'clean';
      readonly document: Document;
      /** By kind of what was taken out of the text. */
      readonly masked: Readonly<Record<string, number>>;
      readonly fingerprint: Fingerprint;
    }
  | { readonly kind: 'dropped'; readonly dropped: Dropped };

type Refusal = Pick<Dropped, 'reason' | 'detail' | 'copyOf'>;

/** @param contamination test sets whose n-grams must not be trained on */
export function createExaminer(
  settings: ExaminationSettings,
  contamination: ContaminationIndex | undefined,
): (item: RawItem) => Examined {
  return (item) => {
    if (item.kind === 'dropped') return item;
    const { document } = item;
    const filtered = applyFilters(document.text, settings.thresholds);
    if (filtered.kind === 'dropped') return refused(document, document.text, filtered);
    const personal = applyPii(filtered.text, settings.personalData);
    if (personal.kind === 'dropped') {
      return refused(document, filtered.text, { reason: PERSONAL_DATA, detail: personal.detail });
    }
    const { text, counts: masked } = personal;
    const { language } = identifyLanguage(text);
    const refusal =
      otherLanguage(language, settings.languages) ??
      poorQuality(text, language, settings) ??
      testText(text, contamination);
    if (refusal !== undefined) return refused(document, text, refusal);
    const fingerprint = { digest: digestOf(text), minima: minHash(text) };
    return { kind: 'clean', document: { ...document, text, language }, masked, fingerprint };
  };
}

const PERSONAL_DATA = 'personal-data';
const EXCERPT_CHARACTERS = 160;

/** @param text as far as it was cleaned */
export function refused(
  { id, origin, augmentedFrom }: Pick<Document, 'id' | 'origin' | 'augmentedFrom'>,
  text: string,
  { reason, detail, copyOf }: Refusal,
): Extract<Examined, { kind: 'dropped' }> {
  const copy = {
    ...(copyOf === undefined ? {} : { copyOf }),
    ...(augmentedFrom === undefined ? {} : { augmentedFrom }),
  };
  return { kind: 'dropped', dropped: { id, origin, reason, detail, ...copy, ...traceOf(text, reason) } };
}

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
  { quality, thresholds }: Pick<ExaminationSettings, 'quality' | 'thresholds'>,
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
