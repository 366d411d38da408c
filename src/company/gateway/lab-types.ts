/** The JSON of `/api` about data, evaluations and models; part of api-types.ts. */
import type { RunHistory } from '../../base/run-history.js';
import type { ModelSummary } from './api-types.js';

export type { RunFormValues, RunSetting, RunSettings } from './training-control.js';

export interface TextTally {
  documents: number;
  /** Of the texts in UTF-8. */
  bytes: number;
}

/** GET /api/data: the corpus that training reads; null before there is one. */
export interface DataSummary {
  /** As it was named: a path or a glob, or the last part of one from this machine's root. */
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
  /** The same in tokens of the project's tokenizer; null before there are tokens, or where they were made before lengths were counted. */
  tokenLengths: { from: number; to: number; documents: number }[] | null;
  passport: PassportSummary;
}

/** GET /api/data/tokenizers: whose there are; '' is the project's own, the others are those of runs. */
export interface TokenizerList {
  tokenizers: string[];
}

/** POST /api/data/tokens: a text or a record of a conversation as JSON, or the place of a training document, from 0. */
export interface TokenPreviewWish {
  tokenizer: string;
  text?: string;
  document?: number;
}

export interface TokenPreview {
  kind: 'text' | 'chat';
  /** Of a document of the corpus. */
  id: string | null;
  vocabSize: number;
  characters: number;
  bytes: number;
  tokenCount: number;
  /** Tokens that a model learns to write; the others are given. */
  learnedCount: number;
  /** The first three thousand. */
  tokens: PreviewedToken[];
  isCut: boolean;
}

export interface PreviewedToken {
  id: number;
  /** Of a part of a character its bytes in hexadecimal, of a special token its name. */
  text: string;
  kind: 'text' | 'bytes' | 'special';
  learned: boolean;
}

/** GET /api/data/duplicates?search=&from=&limit=; null for a corpus that was made before they were kept. */
export interface DuplicatePage {
  /** Those that hold what is searched for, largest first. */
  groups: DuplicateGroup[];
  /** How many such groups there are. */
  total: number;
  /** Whether the data stage kept every group: of a large corpus it keeps the first five hundred. */
  isComplete: boolean;
}

export interface DuplicateGroup {
  kept: DuplicateText & { side: 'train' | 'validation' | 'test' };
  /** Of all copies, also those that are not listed. */
  count: number;
  copies: (DuplicateText & { reason: string; detail: string })[];
}

export interface DuplicateText {
  id: string;
  text: string;
  /** Whether the text goes on. */
  isCut: boolean;
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

/** GET /api/evaluations. */
export interface EvaluationList {
  /** What `moat eval` found out about the models of runs, newest first. */
  runs: RunEvaluation[];
  /** Reports of models fitted to tasks, newest first. */
  reports: TaskReportSummary[];
}

export interface RunEvaluation {
  run: string;
  writtenAt: string;
  step: number | null;
  documents: number;
  /** Bits per byte on the same unseen text, best first. A compressor has no interval. */
  figures: {
    name: 'model' | 'unigram' | 'sixgram' | 'brotli' | 'brotliPrimed';
    value: number;
    interval: Interval | null;
  }[];
}

export interface Interval {
  low: number;
  high: number;
}

export interface TaskReportSummary {
  /** Of its folder in `models/` or `evaluations/`. */
  model: string;
  /** The task, of a model that learned several. */
  part: string | null;
  title: string;
  score: TaskScore | null;
  /** The file of records, of a model that was measured and not fitted. */
  measuredOn: string | null;
  writtenAt: string;
}

/** null: undefined on these examples. Intervals are 95 %. */
export interface TaskScore {
  metric: string;
  better: 'higher' | 'lower';
  value: number | null;
  low: number | null;
  high: number | null;
}

/**
 * GET /api/evaluation-comparison?left=&right=, each a model or `model/part`: left less right, on the examples that both were measured
 * on; null where there are none, or no figure in common.
 */
export interface ReportComparison {
  metric: string;
  /** McNemar's exact test for right and wrong, else a paired bootstrap. */
  test: 'mcnemar' | 'bootstrap';
  /** In common. */
  examples: number;
  leftExamples: number;
  rightExamples: number;
  leftValue: number;
  rightValue: number;
  /** Examples on which one scored more than the other. */
  onlyLeft: number;
  onlyRight: number;
  difference: number;
  /** 95 %. */
  low: number;
  high: number;
  pValue: number;
  /** Of the left one. */
  verdict: 'better' | 'worse' | 'not decisive';
}

/** GET /api/evaluations/:name, one for each task that the model was fitted to. */
export interface TaskReportDetail {
  model: string;
  part: string | null;
  writtenAt: string;
  measuredOn: string | null;
  task: { name: string; title: string; notice: string | null };
  data: { records: number; train: number; validation: number; test: number };
  scores: TaskScore[];
  peers: {
    name: string;
    scores: TaskScore[];
    /** Of this model less the peer, on the same examples. */
    comparison: {
      metric: string;
      difference: number | null;
      low: number | null;
      high: number | null;
      pValue: number | null;
      verdict: 'better' | 'worse' | 'not decisive';
    };
  }[];
  slices: { name: string; count: number; score: TaskScore }[];
  worst: { input: string; expected: string; given: string; place: string | null }[];
  tables: { title: string; columns: string[]; rows: (string | number | null)[][] }[];
}

/** GET /api/models. */
export interface ModelList {
  currency: string;
  served: ServedModel[];
  /** Whether this server can load another model in the place of one. */
  canPromote: boolean;
  /** What lies in `runs/` and `models/`, newest first. */
  stored: StoredModel[];
}

/** Where a model lies that runs here. */
export interface ModelSource {
  /** A folder of `runs/`: a run, or a model that was imported there. */
  readonly run: string;
  /** One of its checkpoints, such as `step-00000180`; null for a model that was imported. */
  readonly checkpoint: string | null;
}

export interface ServedModel extends ModelSummary {
  /** Null for one that runs elsewhere, or that lies outside of `runs/`. */
  source: ModelSource | null;
  /** Whether engines elsewhere answer; then nothing of this project can take its place. */
  isElsewhere: boolean;
  /** Whether it was promoted to this name, and need not answer under it. */
  canWithdraw: boolean;
  /** Milliseconds of engine time for each output token, over the last 30 days; null where it wrote none. */
  engineMsPerToken: number | null;
}

/** POST /api/models/:run/promote; answers with the `ServedModel`. */
export interface Promotion {
  /** The name customers ask for. */
  name: string;
  /** Default: the newest. */
  checkpoint?: string;
}

/** GET /api/served/:name/customers: who counts on a model. */
export interface ModelCustomerList {
  /** `plan`: whose prices sell it; null for a key that was made for the model by name. */
  customers: { id: string; name: string; plan: string | null }[];
}

/** POST /api/models/:run/export; `kind` is the bits of a weight in a GGUF file, or `safetensors` for a folder of Hugging Face's. */
export interface ExportWish {
  kind: ExportJob['kind'];
  /** Default: the newest. */
  checkpoint?: string;
}

/** GET /api/exports. */
export interface ModelExportList {
  /** The one under way, or the last one since the server started. */
  job: ExportJob | null;
  /** What lies in `exports/`, newest first. */
  exported: ExportedModel[];
}

export interface ExportJob extends ModelSource {
  kind: 'q8_0' | 'q4_0' | 'f16' | 'f32' | 'safetensors';
  /** Of the file or folder in `exports/`. */
  name: string;
  state: 'running' | 'done' | 'failed';
  /** From 0 to 1. */
  fraction: number;
  /** What is not as asked for, a sentence each. */
  notes: readonly string[];
  problem: string | null;
}

export interface ExportedModel {
  name: string;
  /** From the project's folder. */
  path: string;
  /** Null of a folder. */
  sizeBytes: number | null;
  writtenAt: string;
}

export interface StoredModel {
  place: 'runs' | 'models';
  name: string;
  writtenAt: string;
  /** Its architecture, or the task it was fitted to. */
  kind: string;
  parameterCount: number | null;
  /** Of its weights. */
  sizeBytes: number | null;
  /** On unseen documents, by `moat eval`. */
  bitsPerByte: number | null;
  /** Of the task's report. */
  score: TaskScore | null;
  /** By the passport of its corpus. */
  data: ModelData | null;
  hasCard: boolean;
  /** Of a run, newest first, at most a hundred. */
  checkpoints: string[];
}

export interface ModelData {
  licence: string | null;
  sources: { name: string; licence: string | null }[];
  files: number;
  documents: number;
  bytes: number;
  languages: string[];
  /** SHA-256 of `train.jsonl`. */
  trainSha256: string;
}

/** GET /api/runs/:name/curve: what its events add up to so far. */
export interface RunCurve {
  name: string;
  history: RunHistory;
  /** The line of the event stream to go on from. */
  nextLine: number;
}
