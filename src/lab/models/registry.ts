/** Every architecture there is; adding one is its file and its line here. */
import { MoatError } from '../../base/errors.js';
import type { DecoderConfig } from './llama.js';
import { llama } from './llama.js';
import type { Architecture } from './model.js';
import { qwen3 } from './qwen3.js';

export const architectures: readonly Architecture<DecoderConfig>[] = [llama, qwen3];

/**
 * Reads a Hugging Face `config.json`.
 * @param origin the file, for the error
 * @throws MoatError `unknown-architecture`, or `bad-model-config` naming the field
 */
export function readModelConfig(
  json: unknown,
  origin: string,
): { architecture: Architecture<DecoderConfig>; config: DecoderConfig } {
  const modelType = typeof json === 'object' && json !== null && 'model_type' in json ? json.model_type : undefined;
  const architecture = architectures.find((candidate) => candidate.modelType === modelType);
  if (architecture === undefined) {
    throw new MoatError(
      'unknown-architecture',
      `${origin}: model_type ${JSON.stringify(modelType)} is not one Moat knows`,
      {
        fix: `Known: ${architectures.map((known) => known.modelType).join(', ')}.`,
      },
    );
  }
  const parsed = architecture.configSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new MoatError('bad-model-config', `${origin}: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  return { architecture, config: parsed.data };
}
