/** A `TextEngine` that runs in the calling thread: what the worker thread holds, and what tests compare with. */
import { randomInt } from 'node:crypto';
import { MoatError } from '../../base/errors.js';
import { type AnswerPart, createAnswer } from './answer.js';
import { createChannel } from './channel.js';
import { checkRequest } from './check-request.js';
import type { GenerateRequest, TextEngine } from './engine.js';
import type { LoadedModel } from './load-model.js';
import { samplerSettings } from './sampler.js';
import { type Scheduler, createScheduler } from './scheduler.js';
import { type StepProgramOptions, compileStepPrograms } from './step-programs.js';

export interface LocalEngineOptions extends Pick<StepProgramOptions, 'threads' | 'quantization'> {
  readonly modelId: string;
  /** Answers generated at the same time. */
  readonly maxConcurrent: number;
  /** Requests that may wait beyond those. */
  readonly queueLimit: number;
}

export async function createLocalEngine(loaded: LoadedModel, options: LocalEngineOptions): Promise<TextEngine> {
  const { model, tokenizer, weights, endTokens } = loaded;
  const { config } = model;
  const { threads, quantization = 'none', maxConcurrent } = options;
  const programs = await compileStepPrograms(model, weights, {
    quantization,
    ...(threads === undefined ? {} : { threads }),
  });
  const contextLength = config.max_position_embeddings;
  const scheduler = createScheduler({
    programs,
    cacheShape: model.cacheShape,
    vocabularySize: config.vocab_size,
    contextLength,
    maxConcurrent,
    now: () => performance.now(),
  });
  let closing: Promise<void> | undefined;
  return {
    modelId: options.modelId,
    contextLength,
    encode: (text) => tokenizer.encode(text),
    encodeChat: (messages) => tokenizer.renderChat(messages),
    generate(request, signal) {
      if (closing !== undefined) throw new MoatError('engine-closed', `${options.modelId} is closing`);
      checkRequest(request, contextLength, config.vocab_size);
      if (scheduler.load >= maxConcurrent + options.queueLimit) throw queueFull(options);
      return answerStream(scheduler, { tokenizer, endTokens }, request, signal);
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

function answerStream(
  scheduler: Scheduler,
  { tokenizer, endTokens }: Pick<LoadedModel, 'tokenizer' | 'endTokens'>,
  request: GenerateRequest,
  signal: AbortSignal | undefined,
): AsyncIterable<AnswerPart> {
  const answer = createAnswer(request, tokenizer, endTokens);
  const channel = createChannel<AnswerPart>();
  let abandoned = false;
  const isAborted = (): boolean => abandoned || signal?.aborted === true;
  scheduler.submit({
    promptTokens: request.promptTokens,
    sampler: samplerSettings(request),
    seed: request.seed ?? randomInt(2 ** 32),
    isAborted,
    onToken(token) {
      const { chunk, goOn } = answer.push(token);
      channel.push(chunk);
      return goOn;
    },
    onLeave(computeMs, error) {
      if (error === undefined) for (const part of answer.finish(computeMs, isAborted())) channel.push(part);
      channel.end(error);
    },
  });
  return channel.values(() => {
    abandoned = true;
  });
}
