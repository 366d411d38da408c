/** How much arithmetic a token takes in training, forward and backward, from a model's own parameters. */
import { readTokenModel } from '../models/registry.js';

export interface ModelSize {
  readonly parameters: number;
  /** Floating-point operations a training token, without those that recomputing blocks adds. */
  readonly flopsPerToken: number;
}

const OPERATIONS = 6;
const ATTENTION_OPERATIONS = 12;

/**
 * 6 for each parameter that takes part in products (the embedding does where it is also the head), and 12 · layers ·
 * width · length for attention (Chowdhery et al. 2022, appendix B).
 * @param config Hugging Face's `config.json`
 * @throws MoatError those of `readTokenModel`
 */
export function modelSize(
  config: Readonly<Record<string, unknown>>,
  sequenceLength: number,
  origin: string,
): ModelSize {
  const { model } = readTokenModel(config, origin);
  const counts = model.parameters.map(({ shape, role }) => ({ role, count: shape.reduce((a, b) => a * b, 1) }));
  const sum = (roles: readonly string[]): number =>
    counts.reduce((total, { role, count }) => total + (roles.includes(role) ? count : 0), 0);
  const head = sum(['head']);
  const inProducts = sum(['matrix']) + (head === 0 ? sum(['embedding']) : head);
  const attention = numberIn(config, 'num_hidden_layers') * numberIn(config, 'hidden_size') * sequenceLength;
  return {
    parameters: counts.reduce((total, { count }) => total + count, 0),
    flopsPerToken: OPERATIONS * inProducts + ATTENTION_OPERATIONS * attention,
  };
}

/** 0 where the configuration has none: such models have no attention of that shape. */
function numberIn(config: Readonly<Record<string, unknown>>, name: string): number {
  const value = config[name];
  return typeof value === 'number' ? value : 0;
}
