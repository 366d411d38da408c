import { type OpRecord, type Tensor, apply, shapeError } from '../tensor.js';

export const stopGradientOp: OpRecord = {
  name: 'stopGradient',
  infer([x]) {
    if (x === undefined) throw shapeError('stopGradient', 'a tensor');
    return { shape: x.shape, dtype: x.dtype };
  },
  gradient: () => [undefined],
  emit: (context) => void context.node('Identity', context.inputs, { outputs: context.outputs }),
  examples: [{ inputs: [[2, 3]], skipGradient: [0] }],
};

/** `x`, a constant to differentiation. */
export function stopGradient(x: Tensor): Tensor {
  return apply(stopGradientOp, [x]);
}
