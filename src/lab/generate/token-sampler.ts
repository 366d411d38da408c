/**
 * The sampler of one answer: remembers what was said, so that repetition can be penalised, and follows the constraint
 * that the answer must fit. Bias, penalties and constraint change logits, in this order; then `sampleToken` draws.
 */
import { Rng } from '../../base/rng.js';
import type { Constraint } from './constraint/constraint.js';
import type { ScoredToken } from './engine.js';
import { logprobsAt, sampleToken, topTokens } from './sampler.js';
import type { SamplerSettings } from './sampler-settings.js';

export interface Sampled {
  readonly token: number;
  /** Where log-probabilities are wanted: the model's own, which no option has changed. */
  readonly score?: ScoredToken;
}

export interface TokenSampler {
  /** @param logits `[vocabulary]`; they are changed */
  next(logits: Float32Array): Sampled;
}

export interface TokenSamplerOptions {
  readonly settings: SamplerSettings;
  readonly promptTokens: readonly number[];
  readonly seed: number;
  readonly constraint?: Constraint | undefined;
}

export function createTokenSampler({ settings, promptTokens, seed, constraint }: TokenSamplerOptions): TokenSampler {
  const rng = Rng.fromSeed(seed);
  const prompt = settings.repetitionPenalty === 1 ? undefined : new Set(promptTokens);
  const said = new Map<number, number>();
  return {
    next(logits) {
      const raw = settings.logprobs === undefined ? undefined : logits.slice();
      for (const [token, bias] of settings.logitBias) logits[token] = (logits[token] ?? 0) + bias;
      penalize(logits, settings, prompt, said);
      if (constraint !== undefined) forbid(logits, constraint.allowed());
      const token = sampleToken(logits, settings, rng);
      constraint?.accept(token);
      said.set(token, (said.get(token) ?? 0) + 1);
      if (raw === undefined) return { token };
      const [own, ...top] = logprobsAt(raw, [token, ...topTokens(raw, settings.logprobs ?? 0)]);
      return { token, score: { token, logprob: own?.logprob ?? -Infinity, top } };
    },
  };
}

/** Presence and frequency count the answer (OpenAI); repetition counts the prompt too (CTRL, `transformers`). */
function penalize(
  logits: Float32Array,
  { repetitionPenalty, presencePenalty, frequencyPenalty }: SamplerSettings,
  prompt: ReadonlySet<number> | undefined,
  said: ReadonlyMap<number, number>,
): void {
  const repeat = (token: number): void => {
    const logit = logits[token];
    if (logit !== undefined) logits[token] = logit < 0 ? logit * repetitionPenalty : logit / repetitionPenalty;
  };
  if (prompt !== undefined) {
    for (const token of prompt) repeat(token);
    for (const token of said.keys()) if (!prompt.has(token)) repeat(token);
  }
  if (presencePenalty === 0 && frequencyPenalty === 0) return;
  for (const [token, count] of said) logits[token] = (logits[token] ?? 0) - presencePenalty - count * frequencyPenalty;
}

/** @param allowed one bit a token id */
function forbid(logits: Float32Array, allowed: Uint32Array): void {
  for (let id = 0; id < logits.length; id++) {
    if ((((allowed[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 0) logits[id] = -Infinity;
  }
}
