/** The numbers of a model by name, and the mark by which an adapter knows its base. */
import { createHash } from 'node:crypto';
import { MoatError } from '../../../base/errors.js';
import type { CausalModel, ParameterSpec } from '../../models/model.js';
import type { Value } from '../../runtime/program.js';

/** float32 values by parameter name. */
export type ModelValues = ReadonlyMap<string, Value>;

/** @throws MoatError `other-base` for a parameter that is missing or of another type */
export function floatsOf(values: ModelValues, name: string): Float32Array {
  const data = values.get(name)?.data;
  if (data instanceof Float32Array) return data;
  throw new MoatError('other-base', `the base has no float32 tensor "${name}"`, {
    fix: 'Use the base the adapter was trained on.',
  });
}

/** Gathers the mark of a base, parameter by parameter, in the order of the architecture. */
export interface BaseHash {
  update(spec: ParameterSpec, data: Float32Array): void;
  /** @returns lower-case hexadecimal */
  digest(): string;
}

/**
 * SHA-256 over name, shape and float32 values of every parameter: the same for one model in any file format that keeps its
 * values.
 */
export function createBaseHash(): BaseHash {
  const hash = createHash('sha256');
  return {
    update({ name, shape }, data) {
      hash.update(`${name} [${shape.join(', ')}]\n`);
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    },
    digest: () => hash.digest('hex'),
  };
}

/** The mark of a model in memory. */
export function baseSha256(model: CausalModel, values: ModelValues): string {
  const hash = createBaseHash();
  for (const spec of model.parameters) hash.update(spec, floatsOf(values, spec.name));
  return hash.digest();
}
