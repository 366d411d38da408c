/** Weights with their adapter's share added, in float64 element by element. */
import type { AdapterConfig } from '../../checkpoint/adapter-config.js';
import { adapterScale } from './adapter-config.js';
import type { AdaptedModule } from './linear-modules.js';

/** What was trained of one module. */
export interface ModuleValues {
  /** `[rank, in]`. */
  readonly a: Float32Array;
  /** `[out, rank]`. */
  readonly b: Float32Array;
  /** `[out]`, with DoRA. */
  readonly magnitude?: Float32Array | undefined;
}

/** ‖row‖ of each output of a weight, `[out]`: what the magnitudes of DoRA begin with. */
export function rowNorms({ weight, transposed, inSize, outSize }: AdaptedModule, values: Float32Array): Float32Array {
  if (values.length !== inSize * outSize) throw new RangeError(`${weight.name}: ${values.length} elements do not fit`);
  const norms = new Float32Array(outSize);
  for (let out = 0; out < outSize; out++) {
    let total = 0;
    for (let i = 0; i < inSize; i++)
      total += (values[transposed ? out * inSize + i : i * outSize + out] as number) ** 2;
    norms[out] = Math.sqrt(total);
  }
  return norms;
}

/**
 * W + s · B · A; with DoRA its rows then get the lengths that were learned.
 * @param weight as it is stored, `[out, in]` or `[in, out]`
 * @returns a new array, stored likewise
 */
export function mergedWeight(
  module: AdaptedModule,
  config: AdapterConfig,
  weight: Float32Array,
  { a, b, magnitude }: ModuleValues,
): Float32Array {
  const { transposed, inSize, outSize } = module;
  const { rank } = config;
  const scale = adapterScale(config);
  const merged = new Float32Array(weight.length);
  const row = new Float64Array(inSize);
  for (let out = 0; out < outSize; out++) {
    setShare(row, a, b.subarray(out * rank, (out + 1) * rank), scale);
    let total = 0;
    for (let i = 0; i < inSize; i++) {
      const whole = (row[i] as number) + (weight[transposed ? out * inSize + i : i * outSize + out] as number);
      row[i] = whole;
      total += whole * whole;
    }
    const factor = magnitude === undefined ? 1 : (magnitude[out] as number) / Math.sqrt(total);
    for (let i = 0; i < inSize; i++)
      merged[transposed ? out * inSize + i : i * outSize + out] = factor * (row[i] as number);
  }
  return merged;
}

/** `row` = scale · Σ b_k · A_k over the rows of A, four at a time: the loop is bound by reading and writing the row. */
function setShare(row: Float64Array, a: Float32Array, b: Float32Array, scale: number): void {
  const width = row.length;
  row.fill(0);
  for (let k = 0; k < b.length; k += 4) {
    const count = Math.min(4, b.length - k);
    const factors = Array.from({ length: 4 }, (_, j) => (j < count ? scale * (b[k + j] as number) : 0));
    const [f0, f1, f2, f3] = factors as [number, number, number, number];
    // rows beyond the last are read as the first of the four, times 0
    const at = (j: number): number => (k + (j < count ? j : 0)) * width;
    const [s0, s1, s2, s3] = [at(0), at(1), at(2), at(3)];
    for (let i = 0; i < width; i++) {
      row[i] =
        (row[i] as number) +
        f0 * (a[s0 + i] as number) +
        f1 * (a[s1 + i] as number) +
        f2 * (a[s2 + i] as number) +
        f3 * (a[s3 + i] as number);
    }
  }
}
