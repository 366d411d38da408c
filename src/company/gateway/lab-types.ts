/** The JSON of `/api` about data, evaluations and models; part of api-types.ts. */

export interface TextTally {
  documents: number;
  /** Of the texts in UTF-8. */
  bytes: number;
}

/** GET /api/data: the corpus that training reads; null before there is one. */
export interface DataSummary {
  /** As it was named: a path or a glob. */
  source: string;
  files: number;
  read: TextTally;
  kept: TextTally;
  train: TextTally;
  validation: TextTally;
  test: TextTally;
  /** Largest first. */
  languages: NamedTally[];
  licences: NamedTally[];
  origins: { name: string; licence: string | null; read: TextTally; kept: TextTally }[];
  /** Personal data that was masked, by kind. */
  masked: { kind: string; count: number }[];
  /** Most frequent first. */
  dropped: DroppedReason[];
  /** What was kept, by length in characters; empty when the corpus was made before lengths were counted. */
  lengths: { from: number; to: number; documents: number }[];
  passport: PassportSummary;
}

export interface NamedTally extends TextTally {
  name: string;
}

export interface DroppedReason extends TextTally {
  reason: string;
  examples: { id: string; detail: string; excerpt: string | null; copyOf: string | null }[];
}

/** From what the corpus was made, under which settings. */
export interface PassportSummary {
  licence: string | null;
  fileCount: number;
  /** The first hundred. */
  files: { origin: string; sizeBytes: number; sha256: string }[];
  settings: { name: string; value: string }[];
  outputs: { name: string; sizeBytes: number; sha256: string }[];
}
