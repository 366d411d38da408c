import { expect, test } from 'vitest';
import { emitOnnx } from './emit.js';
import { add } from './ops/arithmetic.js';
import { constant } from './tensor.js';

test('constants beyond what one ONNX file holds are refused before they are copied', () => {
  // Never written to, so the system never has to find a gigabyte; the two constants share it.
  const length = 2 ** 28;
  const zeros = new Float32Array(length);
  const sum = add(constant(zeros, [length]), constant(zeros, [length]));
  expect(() => emitOnnx([{ name: 'sum', tensor: sum }], [])).toThrow(
    expect.objectContaining({
      code: 'program-too-large',
      message: expect.stringMatching(/^compile: the weights take 2/),
    }),
  );
});
