/** What the settings of a low-rank adapter mean, and which mean nothing. */
import { MoatError } from '../../../base/errors.js';
import type { AdapterConfig } from '../../checkpoint/adapter-config.js';

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
