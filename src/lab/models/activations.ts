/** The activations of feed-forward layers, by the names configurations use. */
import { z } from 'zod';
import { relu, sigmoid, silu, tanh } from '../graph/ops/arithmetic.js';
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

const denseActivations = { ...activations, sigmoid, tanh, identity: (x: Tensor): Tensor => x } as const;
/** What fully connected layers may have beside. */
export const denseActivationName = z.enum([...activationName.options, 'sigmoid', 'tanh', 'identity']);
export const denseActivationOf = (name: z.infer<typeof denseActivationName>): ((x: Tensor) => Tensor) =>
  denseActivations[name];
