/**
 * Inner loops in WebAssembly SIMD: the optimizer's, over one memory that also holds the numbers they work on, and MinHash's. ONNX
 * Runtime reads arrays of this memory in place (it would not if the memory were shared between threads). Measured over
 * 14 million parameters: AdamW 8.7 ms, against 70–90 ms for the same loop in JavaScript.
 */
import { readFileSync } from 'node:fs';
import { MoatError, systemCode } from '../../base/errors.js';
import { formatBytes } from '../../base/units.js';

/** A piece of the kernels' memory. */
export interface FloatArray {
  /** Byte offset, a multiple of 4. */
  readonly pointer: number;
  readonly length: number;
  /** The numbers themselves; stays valid, since the memory never grows. */
  view(): Float32Array;
  /** `length` elements from `start`, sharing the numbers. */
  part(start: number, length: number): FloatArray;
}

export interface AdamWArguments {
  readonly parameter: FloatArray;
  readonly gradient: FloatArray;
  readonly firstMoment: FloatArray;
  readonly secondMoment: FloatArray;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled; the share that goes in a step is learningRate × weightDecay. */
  readonly weightDecay: number;
  readonly gradientScale: number;
  /** 1-based. */
  readonly step: number;
}

export interface SgdArguments {
  readonly parameter: FloatArray;
  readonly gradient: FloatArray;
  readonly momentum: FloatArray;
  readonly learningRate: number;
  readonly factor: number;
  /** Coupled, as in PyTorch's `SGD`: added to the gradient before the momentum. */
  readonly weightDecay: number;
  readonly gradientScale: number;
}

/**
 * Float32 throughout, except where said. Arrays of one call must be of equal length (`RangeError`); not-a-number and
 * infinity go through as in plain arithmetic, so a broken gradient shows in `sumOfSquares` before it is applied.
 */
export interface Kernels {
  /**
   * Zeros, 16-byte aligned.
   * @throws MoatError `out-of-memory` when the memory asked for at creation is used up
   */
  allocate(length: number): FloatArray;
  /** One step of AdamW on every element, in place. */
  adamw(args: AdamWArguments): void;
  /** momentum ← factor·momentum + gradientScale·gradient + weightDecay·parameter; parameter −= learningRate·momentum. */
  sgdMomentum(args: SgdArguments): void;
  /** momentum ← factor·momentum + (1 − factor)·gradient; update ← (1 − factor)·gradient + factor·momentum. */
  nesterovMomentum(args: { gradient: FloatArray; momentum: FloatArray; update: FloatArray; factor: number }): void;
  /** parameter ← (1 − decay)·parameter + factor·update. */
  decayAndAdd(args: { parameter: FloatArray; update: FloatArray; decay: number; factor: number }): void;
  /** into ← into + factor·from: one micro-batch's gradient added to the others. */
  axpy(args: { into: FloatArray; from: FloatArray; factor: number }): void;
  /** array ← factor·array. */
  scale(array: FloatArray, factor: number): void;
  /** Σ x² in float64, in a fixed order: the same on every machine. */
  sumOfSquares(array: FloatArray): number;
  /**
   * Fills the array's bytes, four an element, with 1 (probability `probability`, exact to 1/65,536) or 0. Byte i depends on
   * the seed and on i alone, so that a resumed run draws the same.
   */
  bernoulli(args: { into: FloatArray; probability: number; seed: number }): void;
}

const KERNEL_NAMES = [
  'adamw',
  'sgdMomentum',
  'nesterovMomentum',
  'decayAndAdd',
  'axpy',
  'scale',
  'sumOfSquares',
  'bernoulli',
  'leastHashes',
] as const;
type KernelExports = Readonly<Record<(typeof KERNEL_NAMES)[number], (...args: number[]) => number>>;

const PAGE_BYTES = 65536;
const MAX_PAGES = 65536;
const ALIGNMENT = 16;

/** Bytes that allocations of these lengths take, alignment included. */
export function allocationBytes(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + Math.ceil((length * 4) / ALIGNMENT) * ALIGNMENT, 0);
}

/**
 * @param bytes how much will be allocated in all (`allocationBytes`): the memory cannot grow, because growing would
 * cut off every array handed out before
 * @throws MoatError `out-of-memory` above WebAssembly's 4 GiB
 */
export function createKernels(bytes: number): Kernels {
  const pages = Math.ceil((bytes + PAGE_BYTES) / PAGE_BYTES);
  if (pages > MAX_PAGES) {
    throw new MoatError('out-of-memory', `the optimizer needs ${formatBytes(bytes)}; WebAssembly offers 4 GiB`, {
      fix: 'Choose a smaller model (model.depth).',
    });
  }
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return { allocate: createArena(memory, bytes), ...typedKernels(instantiate(memory)) };
}

/** The first page stays free, so that no array lies at address 0. Nothing is ever given back: a run keeps its arrays. */
function createArena(memory: WebAssembly.Memory, bytes: number): Kernels['allocate'] {
  let next = PAGE_BYTES;
  return (length) => {
    if (!Number.isSafeInteger(length) || length < 0) throw new RangeError(`allocate(${length})`);
    const end = next + allocationBytes([length]);
    if (end > memory.buffer.byteLength) {
      throw new MoatError('out-of-memory', `the kernels' memory of ${formatBytes(bytes)} is used up`);
    }
    const array = arrayAt(memory, next, length);
    next = end;
    return array;
  };
}

function typedKernels(exports: Omit<KernelExports, 'leastHashes'>): Omit<Kernels, 'allocate'> {
  return {
    adamw(args) {
      const { parameter, gradient, firstMoment, secondMoment, beta1, beta2, learningRate, step } = args;
      sameLength('adamw', parameter, gradient, firstMoment, secondMoment);
      if (!(step >= 1)) throw new RangeError(`adamw: steps count from 1, got ${step}`);
      const pointers = [parameter.pointer, gradient.pointer, firstMoment.pointer, secondMoment.pointer];
      const rates = [learningRate / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step), args.epsilon];
      const betas = [beta1, 1 - beta1, beta2, 1 - beta2];
      const keep = 1 - learningRate * args.weightDecay;
      exports.adamw(...pointers, parameter.length, ...betas, ...rates, keep, args.gradientScale);
    },
    sgdMomentum({ parameter, gradient, momentum, learningRate, factor, weightDecay, gradientScale }) {
      sameLength('sgdMomentum', parameter, gradient, momentum);
      const pointers = [parameter.pointer, gradient.pointer, momentum.pointer];
      exports.sgdMomentum(...pointers, parameter.length, learningRate, factor, weightDecay, gradientScale);
    },
    nesterovMomentum({ gradient, momentum, update, factor }) {
      sameLength('nesterovMomentum', gradient, momentum, update);
      const pointers = [gradient.pointer, momentum.pointer, update.pointer];
      exports.nesterovMomentum(...pointers, gradient.length, factor, 1 - factor);
    },
    decayAndAdd({ parameter, update, decay, factor }) {
      sameLength('decayAndAdd', parameter, update);
      exports.decayAndAdd(parameter.pointer, update.pointer, parameter.length, 1 - decay, factor);
    },
    axpy({ into, from, factor }) {
      sameLength('axpy', into, from);
      exports.axpy(into.pointer, from.pointer, into.length, factor);
    },
    scale(array, factor) {
      exports.scale(array.pointer, array.length, factor);
    },
    sumOfSquares: (array) => exports.sumOfSquares(array.pointer, array.length),
    bernoulli({ into, probability, seed }) {
      if (!(probability >= 0 && probability < 1)) throw new RangeError(`bernoulli: a probability of ${probability}`);
      exports.bernoulli(into.pointer, into.length * 4, Math.min(65535, Math.round(probability * 65536)), seed | 0);
    },
  };
}

/** Numbers given to the kernel at once. */
const HASHED_AT_ONCE = 16_384;
/** Hash functions that the kernel takes at a time. */
const FUNCTIONS_AT_ONCE = 16;

/** `into[f]` ← the least of `into[f]` and of every number's hash by function f, unsigned. */
export type LeastHashes = (numbers: Uint32Array, into: Uint32Array) => void;

/**
 * The inner loop of MinHash: the hash of a number is its exclusive or with the function's offset, times the function's
 * factor, with the high bits folded onto the low ones.
 * @param factors odd, one a function; as many as `offsets`, a multiple of 16
 */
export function createLeastHashes(factors: Int32Array, offsets: Int32Array): LeastHashes {
  const functions = factors.length;
  if (functions % FUNCTIONS_AT_ONCE !== 0 || offsets.length !== functions)
    throw new RangeError(`leastHashes: ${functions} factors, ${offsets.length} offsets`);
  const pages = Math.ceil((4 * (3 * functions + HASHED_AT_ONCE)) / PAGE_BYTES) + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { leastHashes } = instantiate(memory);
  const at = { factors: PAGE_BYTES, offsets: PAGE_BYTES + 4 * functions, least: PAGE_BYTES + 8 * functions };
  new Int32Array(memory.buffer, at.factors, functions).set(factors);
  new Int32Array(memory.buffer, at.offsets, functions).set(offsets);
  const least = new Uint32Array(memory.buffer, at.least, functions);
  const numbersAt = PAGE_BYTES + 12 * functions;
  const given = new Uint32Array(memory.buffer, numbersAt, HASHED_AT_ONCE);
  return (numbers, into) => {
    least.set(into);
    for (let start = 0; start < numbers.length; start += HASHED_AT_ONCE) {
      const part = numbers.subarray(start, start + HASHED_AT_ONCE);
      given.set(part);
      leastHashes(numbersAt, part.length, at.factors, at.offsets, at.least, functions);
    }
    into.set(least);
  };
}

function arrayAt(memory: WebAssembly.Memory, pointer: number, length: number): FloatArray {
  return {
    pointer,
    length,
    view: () => new Float32Array(memory.buffer, pointer, length),
    part(start, count) {
      if (start < 0 || count < 0 || start + count > length) throw new RangeError(`part ${start}+${count} of ${length}`);
      return arrayAt(memory, pointer + start * 4, count);
    },
  };
}

function sameLength(kernel: string, first: FloatArray, ...others: readonly FloatArray[]): void {
  if (others.some((other) => other.length !== first.length))
    throw new RangeError(`${kernel}: arrays of unequal length`);
}

function instantiate(memory: WebAssembly.Memory): KernelExports {
  const file = new URL('../../../dist/kernels.wasm', import.meta.url);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MoatError('not-built', 'the WebAssembly kernels are not built', { fix: 'Run npm run build.' });
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), {
    env: { memory },
  });
  const find = (name: string): ((...args: number[]) => number) => {
    const kernel = exports[name];
    if (typeof kernel !== 'function') throw new Error(`kernels.wasm has no ${name}; run npm run build`);
    return kernel as (...args: number[]) => number;
  };
  return Object.fromEntries(KERNEL_NAMES.map((name) => [name, find(name)])) as KernelExports;
}
