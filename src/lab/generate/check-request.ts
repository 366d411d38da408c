import { MoatError } from '../../base/errors.js';
import type { GenerateRequest } from './engine.js';
import { samplerSettings } from './sampler-settings.js';

/** What an engine can do for one request. */
export interface RequestLimits {
  readonly contextLength: number;
  /** Tokens that exist. */
  readonly tokenCount: number;
  readonly maxConcurrent: number;
}

/** Answers to one prompt: each takes a place of its own. */
export const MAX_CHOICES = 16;

/** @throws MoatError `empty-prompt`, `bad-token`, `context-overflow`, `bad-sampling` */
export function checkRequest(request: GenerateRequest, limits: RequestLimits): void {
  const { promptTokens, maxTokens, choices = 1, beams = 1 } = request;
  const { contextLength, tokenCount } = limits;
  if (promptTokens.length === 0)
    throw new MoatError('empty-prompt', 'the prompt has no tokens', { fix: 'Give some text.' });
  const bad = promptTokens.find((token) => !Number.isInteger(token) || token < 0 || token >= tokenCount);
  if (bad !== undefined)
    throw new MoatError('bad-token', `prompt token ${bad} is not one of the model's ${tokenCount}`);
  wholeNumber('maxTokens', maxTokens, 1, Infinity);
  if (promptTokens.length + maxTokens > contextLength) {
    throw new MoatError(
      'context-overflow',
      `${promptTokens.length} prompt tokens and ${maxTokens} to generate exceed the context of ${contextLength}`,
      { fix: `Ask for at most ${Math.max(0, contextLength - promptTokens.length)} tokens, or shorten the prompt.` },
    );
  }
  wholeNumber('choices', choices, 1, MAX_CHOICES);
  samplerSettings(request, tokenCount);
  wholeNumber('beams', beams, 1, Math.min(limits.maxConcurrent, Math.floor(tokenCount / 2)));
  if (beams > 1) checkBeams(request);
}

function checkBeams(request: GenerateRequest): void {
  const { lengthPenalty = 1, temperature = 0, choices = 1 } = request;
  if (!(lengthPenalty >= -10 && lengthPenalty <= 10))
    throw new MoatError('bad-sampling', 'lengthPenalty is out of range', { fix: 'Give a number from -10 to 10.' });
  const { topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty } = request;
  const other = Object.entries({ topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty })
    .filter(([name, value]) => value !== undefined && value !== NEUTRAL[name])
    .map(([name]) => name);
  if (temperature !== 0) other.push('temperature');
  if (choices > 1) other.push('choices');
  for (const name of ['logitBias', 'logprobs', 'format'] as const) if (request[name] !== undefined) other.push(name);
  const [first] = other;
  if (first === undefined) return;
  throw new MoatError('bad-sampling', `beams and ${first} do not go together`, {
    fix: 'Leave one of the two out: beams are searched for, not drawn.',
  });
}

/** Values that change nothing. */
const NEUTRAL: Readonly<Record<string, number>> = {
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
};

function wholeNumber(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  const range = high === Infinity ? `of ${low} or more` : `from ${low} to ${high}`;
  throw new MoatError('bad-sampling', `${name} is ${value}`, { fix: `Give a whole number ${range}.` });
}

/** Places a request takes: answers at the same time. */
export function placesOf({ choices = 1, beams = 1 }: GenerateRequest): number {
  return choices * beams;
}
