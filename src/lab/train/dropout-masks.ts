import { elementCount } from '../graph/dims.js';
import { inputName } from '../graph/tensor.js';
import { allocationBytes, createKernels } from '../runtime/kernels.js';
import type { Value } from '../runtime/program.js';
import type { DropoutSite } from './training-pass.js';

/** Draws every mask for one micro-batch, by the name of its input. */
export type DrawMasks = (seed: number) => Readonly<Record<string, Value>>;

/** Memory for the masks of all sites: a byte an element. Equal seeds draw equal masks. */
export function createDropoutMasks(sites: readonly DropoutSite[]): DrawMasks {
  if (sites.length === 0) return () => ({});
  const lengths = sites.map(({ mask }) => Math.ceil(elementCount(mask.shape as readonly number[]) / 4));
  const kernels = createKernels(allocationBytes(lengths));
  const arrays = lengths.map((length) => kernels.allocate(length));
  return (seed) => {
    const drawn: Record<string, Value> = {};
    for (const [index, { mask, probability }] of sites.entries()) {
      const into = arrays[index] as (typeof arrays)[number];
      // an odd multiplier keeps the seeds of neighbouring sites and steps apart
      kernels.bernoulli({ into, probability: 1 - probability, seed: Math.imul(seed, 0x2545f491) + index });
      const dims = mask.shape as readonly number[];
      const { buffer, byteOffset } = into.view();
      drawn[inputName(mask)] = { data: new Uint8Array(buffer, byteOffset, elementCount(dims)), dims, dtype: 'bool' };
    }
    return drawn;
  };
}
