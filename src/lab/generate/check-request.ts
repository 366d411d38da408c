import { MoatError } from '../../base/errors.js';
import type { GenerateRequest } from './engine.js';
import { samplerSettings } from './sampler.js';

/** @throws MoatError `empty-prompt`, `bad-token`, `context-overflow`, `bad-sampling` */
export function checkRequest(request: GenerateRequest, contextLength: number, vocabularySize: number): void {
  const { promptTokens, maxTokens } = request;
  if (promptTokens.length === 0)
    throw new MoatError('empty-prompt', 'the prompt has no tokens', { fix: 'Give some text.' });
  const bad = promptTokens.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabularySize);
  if (bad !== undefined) {
    throw new MoatError('bad-token', `prompt token ${bad} is not one of the model's ${vocabularySize}`);
  }
  if (!Number.isInteger(maxTokens) || maxTokens < 1) {
    throw new MoatError('bad-sampling', `maxTokens is ${maxTokens}`, { fix: 'Give a whole number of 1 or more.' });
  }
  if (promptTokens.length + maxTokens > contextLength) {
    throw new MoatError(
      'context-overflow',
      `${promptTokens.length} prompt tokens and ${maxTokens} to generate exceed the context of ${contextLength}`,
      { fix: `Ask for at most ${Math.max(0, contextLength - promptTokens.length)} tokens, or shorten the prompt.` },
    );
  }
  samplerSettings(request);
}
