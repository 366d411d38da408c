/** The activations of feed-forward layers, by the names configurations use. */
import { z } from 'zod';
import { relu, silu } from '../graph/ops/arithmetic.js';
import { gelu, geluTanh } from '../graph/ops/gelu.js';
import type { Tensor } from '../graph/tensor.js';

const activations = {
  silu,
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu,
} as const satisfies Readonly<Record<string, (x: Tensor) => Tensor>>;

export type ActivationName = keyof typeof activations;
export const activationName = z.enum(['silu', 'gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu']);

/** Looks an activation up by its name in a configuration. */
export const activationOf = (name: ActivationName): ((x: Tensor) => Tensor) => activations[name];
