import { parseModelAtUrl } from '../../base/chat-api.js';
import { MoatError } from '../../base/errors.js';

/** `openai:MODEL@URL`: a model behind an API like OpenAI's. @throws MoatError `usage`, `bad-url` */
export function openAiModelAt(written: string, option: string): { readonly model: string; readonly baseUrl: string } {
  if (written.startsWith('openai:')) return parseModelAtUrl(written.slice('openai:'.length));
  throw new MoatError('usage', `${option} "${written}" is not openai:MODEL@URL`, {
    fix: 'Such as openai:gpt-5@https://api.openai.com/v1.',
  });
}
