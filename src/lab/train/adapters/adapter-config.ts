/** What a low-rank adapter is to be. */
import { MoatError } from '../../../base/errors.js';

/**
 * LoRA (Hu et al. 2021, arXiv:2106.09685): `x · (W + s · B · A)ᵀ`, where W stays as it is and A `[rank, in]` and
 * B `[out, rank]` are learned. Fields mean what they mean in the PEFT library.
 */
export interface AdapterConfig {
  readonly rank: number;
  /** The factor s of the adapter's share is alpha ÷ rank. */
  readonly alpha: number;
  /** Of what enters A, while training; default 0. */
  readonly dropout?: number;
  /** The last names of the modules, `q_proj`, or whole ones; `all-linear`, the default, is every linear layer but the head. */
  readonly targetModules?: readonly string[] | 'all-linear';
  /** Learn the length of each row of the weight apart from its direction (DoRA; Liu et al. 2024, arXiv:2402.09353). */
  readonly useDora?: boolean;
  /** s = alpha ÷ √rank, which keeps large ranks learning (rank-stabilised LoRA; Kalajdzievski 2023, arXiv:2312.03732). */
  readonly useRslora?: boolean;
  /** Modules that are trained and saved whole, beside the adapter. */
  readonly modulesToSave?: readonly string[];
}

const MAX_RANK = 4096;

/** The factor of the adapter's share. */
export const adapterScale = ({ rank, alpha, useRslora = false }: AdapterConfig): number =>
  alpha / (useRslora ? Math.sqrt(rank) : rank);

/** @throws MoatError `bad-adapter` for numbers that mean nothing */
export function checkAdapterConfig({ rank, alpha, dropout = 0 }: AdapterConfig): void {
  const refuse = (what: string, fix: string): never => {
    throw new MoatError('bad-adapter', `adapter: ${what}`, { fix });
  };
  if (!Number.isInteger(rank) || rank < 1 || rank > MAX_RANK)
    refuse(`a rank of ${rank} is no whole number from 1 to ${MAX_RANK}`, 'Usual ranks are 8 to 64.');
  if (!Number.isFinite(alpha) || alpha <= 0) refuse(`alpha is ${alpha}, not above 0`, 'Usual is twice the rank.');
  if (!(dropout >= 0 && dropout < 1)) refuse(`a dropout of ${dropout} is not in [0, 1)`, 'Usual is 0 to 0.1.');
}

/** Whether a module is meant by one of the names: as a whole or by its last parts. */
export const isNamed = (module: string, names: readonly string[]): boolean =>
  names.some((name) => module === name || module.endsWith(`.${name}`));
