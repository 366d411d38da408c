import { type OpRecord, type Tensor, apply, shapeError } from '../tensor.js';
import { neg } from './arithmetic.js';

/**
 * Rotary position embedding (Su et al. 2021) in the half-split layout of Hugging Face models: within each head, element
 * i and i + headSize/2 are turned together by the angle of (position, i). The kernel is com.microsoft.RotaryEmbedding.
 */
export const rotaryOp: OpRecord = {
  name: 'rotary',
  infer(inputs, attributes) {
    const [x, positions, cosines, sines] = inputs;
    if (x === undefined || positions === undefined || cosines === undefined || sines === undefined) {
      throw new Error('rotary takes x, positions, cosines and sines');
    }
    const width = x.shape[2];
    const half = cosines.shape[1];
    const fits =
      typeof width === 'number' && typeof half === 'number' && width === half * 2 * (attributes['headCount'] as number);
    if (x.shape.length !== 3 || !fits || positions.shape.length !== 2 || sines.shape[1] !== half) {
      throw shapeError(
        'rotary',
        '[batch, time, heads·headSize], positions [batch, time] and tables [positions, headSize/2]',
        ...inputs,
      );
    }
    return { shape: x.shape, dtype: x.dtype };
  },
  // A rotation is undone by the opposite angle, and so is its gradient.
  gradient({ inputs, gradient, attributes }) {
    const [, positions, cosines, sines] = inputs as readonly [Tensor, Tensor, Tensor, Tensor];
    const share = rotary(gradient, positions, cosines, neg(sines), attributes['headCount'] as number);
    return [share, undefined, undefined, undefined];
  },
  emit(context) {
    context.node('RotaryEmbedding', context.inputs, {
      outputs: context.outputs,
      domain: 'com.microsoft',
      attributes: { num_heads: context.attributes['headCount'] as number, interleaved: 0, rotary_embedding_dim: 0 },
    });
  },
  examples: [
    {
      inputs: [
        [2, 3, 8],
        { data: BigInt64Array.of(0n, 1n, 2n, 1n, 2n, 3n), shape: [2, 3], dtype: 'int64' },
        [4, 2],
        [4, 2],
      ],
      attributes: { headCount: 2 },
      skipGradient: [1, 2, 3],
    },
  ],
};

/**
 * @param x `[batch, time, headCount · headSize]`
 * @param positions `[batch, time]` int64, rows of the tables
 * @param cosines, sines `[maxPosition, headSize/2]`
 */
export function rotary(x: Tensor, positions: Tensor, cosines: Tensor, sines: Tensor, headCount: number): Tensor {
  return apply(rotaryOp, [x, positions, cosines, sines], { headCount });
}

/**
 * The tables of angles: row p, column i holds p · frequencies[i].
 * @param frequencies radians a position, `[headSize/2]`
 * @param magnitude multiplies every entry
 * @returns cosines and sines, each `[positionCount, headSize/2]` row-major
 */
export function rotaryTables(
  positionCount: number,
  frequencies: Float32Array,
  magnitude = 1,
): { cosines: Float32Array; sines: Float32Array } {
  const half = frequencies.length;
  const cosines = new Float32Array(positionCount * half);
  const sines = new Float32Array(positionCount * half);
  for (let position = 0; position < positionCount; position++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * (frequencies[i] as number));
      cosines[position * half + i] = Math.cos(angle) * magnitude;
      sines[position * half + i] = Math.sin(angle) * magnitude;
    }
  }
  return { cosines, sines };
}
