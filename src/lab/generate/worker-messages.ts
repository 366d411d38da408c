/** What the engine's main side and its worker thread say to each other. */
import type { AnswerPart } from './answer.js';
import type { GenerateRequest } from './engine.js';
import type { LocalEngineOptions } from './local-engine.js';
import type { ThreadError } from './worker-thread.js';

export interface WorkerStart {
  readonly modelDirectory: string;
  readonly options: LocalEngineOptions;
}

export type ToWorker =
  | {
      readonly type: 'generate';
      readonly id: number;
      readonly request: GenerateRequest;
      /** Already given up: not to be run at all, which an `abort` behind it could come too late for. */
      readonly isAborted: boolean;
    }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'close' };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'part'; readonly id: number; readonly part: AnswerPart }
  | { readonly type: 'end'; readonly id: number }
  | ThreadError;
