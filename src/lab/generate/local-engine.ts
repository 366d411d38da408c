/** A `TextEngine` that runs in the calling thread: what the worker thread holds, and what tests compare with. */
import { infillPrompt } from './infill-prompt.js';
import { MoatError } from '../../base/errors.js';
import { answerStream } from './answer-stream.js';
import { checkRequest, placesOf } from './check-request.js';
import { createConstraints } from './constraint/answer-format.js';
import { vocabularyOf } from './constraint/vocabulary.js';

import type { TextEngine } from './engine.js';
import type { LoadedModel } from './load-model.js';
import { createScheduler } from './scheduler.js';
import { type StepProgramOptions, compileStepPrograms } from './step-programs.js';

export interface LocalEngineOptions extends Pick<StepProgramOptions, 'threads' | 'quantization' | 'device'> {
  readonly modelId: string;
  /** Answers generated at the same time. */
  readonly maxConcurrent: number;
  /** Requests that may wait beyond those. */
  readonly queueLimit: number;
  /** Memory for prompts that may come again. Default 256 MB; 0 keeps none. */
  readonly prefixCacheBytes?: number;
}

const PREFIX_CACHE_BYTES = 256e6;

export async function createLocalEngine(loaded: LoadedModel, options: LocalEngineOptions): Promise<TextEngine> {
  const { model, tokenizer, weights, endTokens } = loaded;
  const { config } = model;
  const { modelId, threads, device, quantization = 'none', maxConcurrent } = options;
  const programs = await compileStepPrograms(model, weights, {
    quantization,
    ...(threads === undefined ? {} : { threads }),
    ...(device === undefined ? {} : { device }),
  });
  const contextLength = config.max_position_embeddings;
  const tokenCount = tokenizer.vocabSize;
  const scheduler = createScheduler({
    programs,
    cacheShape: model.cacheShape,
    vocabularySize: config.vocab_size,
    tokenCount,
    contextLength,
    maxConcurrent,
    prefixCacheBytes: options.prefixCacheBytes ?? PREFIX_CACHE_BYTES,
    now: () => performance.now(),
  });

  const constraintOf = createConstraints(vocabularyOf(tokenizer, endTokens));
  let closing: Promise<void> | undefined;
  return {
    modelId,
    contextLength,
    encode: (text) => [...tokenizer.promptStart, ...tokenizer.encode(text)],
    encodeChat: (messages) => tokenizer.renderChat(messages),
    encodeInfill: (before, after) => infillPrompt(tokenizer, before, after),
    tokenBytes: (id) => tokenizer.tokenBytes(id),
    generate(request, signal) {
      if (closing !== undefined) throw new MoatError('engine-closed', `${modelId} is closing`);
      checkRequest(request, { contextLength, tokenCount, maxConcurrent });
      if (scheduler.load + placesOf(request) > maxConcurrent + options.queueLimit) throw queueFull(options);
      const constraint = request.format === undefined ? undefined : constraintOf(request.format);
      return answerStream(request, { scheduler, tokenizer, endTokens, constraint, signal });
    },
    close() {
      closing ??= scheduler.drain().then(() => programs.close());
      return closing;
    },
  };
}

/** The error of a request that finds no room, neither to be answered nor to wait. */
export function queueFull({ modelId, maxConcurrent, queueLimit }: LocalEngineOptions): MoatError {
  return new MoatError(
    'queue-full',
    `${modelId}: ${maxConcurrent} answers are under way and ${queueLimit} requests wait`,
    {
      fix: 'Try again shortly.',
    },
  );
}
