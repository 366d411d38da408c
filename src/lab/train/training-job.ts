import type { Clock } from '../../base/clock.js';
import type { RunEvent } from '../../base/run-events.js';
import type { FileSystem } from '../checkpoint/file-system.js';
import type { CheckpointContents } from '../checkpoint/save-checkpoint.js';
import type { Device } from '../runtime/devices.js';
import type { TokenStream } from './held-out-loss.js';
import type { TokenKnowledge } from './objectives/objectives.js';
import type { RunConfig } from './run-config.js';
import type { SampleTokens } from './sample-text.js';

/** Validation documents as one stream, and the bytes of their text, for bits per byte. */
export interface Validation {
  readonly stream: TokenStream;
  readonly byteCount: number;
}

export interface TrainingJob {
  readonly runDirectory: string;
  /** For a new run; a resumed one reads its own. */
  readonly config: RunConfig | undefined;
  readonly resume: { readonly fromStep: number | undefined } | undefined;
  readonly trainTokens: ArrayLike<number>;
  /** Where each document starts in them; needed when documents are packed. */
  readonly documentStarts?: ArrayLike<number>;
  /** Names the document a token belongs to. */
  readonly documentAt?: (tokenIndex: number) => string;
  readonly validation: Validation | undefined;
  /** Files to stand beside the weights in every checkpoint: the tokenizer's. `config.json` is added here. */
  readonly files: CheckpointContents['files'];
  readonly tokenizerHash: string;
  /** Needed where more is learned than the next token. */
  readonly tokens?: TokenKnowledge;
  /** Needed to show how the model goes on with a text; without it, no samples are written. */
  readonly samples?: SampleTokens;
  /** Weights to begin with instead of drawn ones: a checkpoint's directory, of a model of the same shape. */
  readonly weightsFrom?: string;
  readonly threads: number | undefined;
  /** Default `cpu`. */
  readonly device?: Device;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  readonly fileSystem?: FileSystem;
}
