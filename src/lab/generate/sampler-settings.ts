/** What a request may say about sampling, checked and with its defaults. */
import { MoatError } from '../../base/errors.js';
import type { SamplingOptions } from './engine.js';

export interface SamplerSettings {
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
  /** In (0, 1]. */
  readonly topP: number;
  /** In [0, 1]; 0 keeps all. */
  readonly minP: number;
  /** 1 changes nothing. */
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** Added to logits, by token id. */
  readonly logitBias: ReadonlyMap<number, number>;
  /** How many likeliest tokens to give beside each; undefined when no log-probabilities are wanted. */
  readonly logprobs: number | undefined;
}

export const MAX_LOGPROBS = 20;
export const MAX_LOGIT_BIASES = 1024;

/**
 * @param vocabularySize tokens that may be biased; not checked when not given
 * @throws MoatError `bad-sampling` naming the option and its range
 */
export function samplerSettings(options: SamplingOptions, vocabularySize = Infinity): SamplerSettings {
  const { temperature = 1, topK = 0, topP = 1, minP = 0, logprobs } = options;
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options;
  const within = (value: number, low: number, high: number): boolean => value >= low && value <= high;
  if (!within(temperature, 0, 100)) refuse('temperature', 'a number from 0 to 100');
  if (!Number.isInteger(topK) || topK < 0) refuse('topK', 'a whole number of 0 or more');
  if (!(topP > 0 && topP <= 1)) refuse('topP', 'a number above 0 and at most 1');
  if (!within(minP, 0, 1)) refuse('minP', 'a number from 0 to 1');
  if (!within(repetitionPenalty, 0.01, 100)) refuse('repetitionPenalty', 'a number from 0.01 to 100');
  if (!within(presencePenalty, -2, 2)) refuse('presencePenalty', 'a number from -2 to 2');
  if (!within(frequencyPenalty, -2, 2)) refuse('frequencyPenalty', 'a number from -2 to 2');
  if (logprobs !== undefined && !(Number.isInteger(logprobs) && within(logprobs, 0, MAX_LOGPROBS)))
    refuse('logprobs', `a whole number from 0 to ${MAX_LOGPROBS}`);
  const logitBias = biases(options.logitBias ?? {}, vocabularySize);
  return {
    temperature,
    topK,
    topP,
    minP,
    repetitionPenalty,
    presencePenalty,
    frequencyPenalty,
    logitBias,
    logprobs,
  };
}

function biases(given: Readonly<Record<number, number>>, vocabularySize: number): Map<number, number> {
  const entries = Object.entries(given);
  if (entries.length > MAX_LOGIT_BIASES) refuse('logitBias', `at most ${MAX_LOGIT_BIASES} tokens`);
  return new Map(
    entries.map(([key, bias]) => {
      const token = /^\d{1,9}$/.test(key) ? Number(key) : Number.NaN;
      if (!(token < vocabularySize)) refuse(`logitBias of token ${key}`, `ids from 0 to ${vocabularySize - 1}`);
      if (!(bias >= -100 && bias <= 100)) refuse(`logitBias of token ${key}`, 'numbers from -100 to 100');
      return [token, bias];
    }),
  );
}

function refuse(name: string, range: string): never {
  throw new MoatError('bad-sampling', `${name} is out of range`, { fix: `Give ${range}.` });
}
