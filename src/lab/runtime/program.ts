/**
 * Graphs as running programs: one ONNX Runtime session each. Knows tensors and typed arrays, not models.
 *
 * ONNX Runtime for Node (1.30, measured) reads inputs in place and always copies outputs into new arrays, and `run`
 * blocks its thread. So programs keep outputs small, and a server runs them in worker threads.
 */
import { InferenceSession, Tensor as OrtTensor, listSupportedBackends } from 'onnxruntime-node';
import { MoatError, messageOf } from '../../base/errors.js';
import { emitOnnx, mismatch } from '../graph/emit.js';
import { rewrite } from '../graph/rewrite.js';
import type { Device } from './devices.js';
import { type DType, type Tensor, type TensorData, inputName } from '../graph/tensor.js';

export interface CompileOptions {
  /** Default `cpu`. What the device cannot compute, the CPU does. */
  readonly device?: Device;
  /** Threads inside one run; default: ONNX Runtime's choice, one a physical core. */
  readonly threads?: number;
  /** ONNX Runtime's own graph optimisations on top of ours. Default `all`. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Skip our own rewrites: for tests that compare with and without. */
  readonly rewrite?: boolean;
}

/** A typed array with its shape, as fed to and returned by a program. */
export interface Value {
  readonly data: TensorData;
  readonly dims: readonly number[];
  readonly dtype: DType;
}

export interface Program {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs once. Arrays are read in place, without a copy, and must not change until the promise settles.
   * @param feeds one value for each input, by name
   * @param wanted outputs to compute; all by default
   * @throws MoatError `bad-feed` for a missing input, a wrong shape or a wrong type
   */
  run(feeds: Readonly<Record<string, Value>>, wanted?: readonly string[]): Promise<Record<string, Value>>;
  close(): Promise<void>;
}

/**
 * Compiles tensors to a program.
 * @param outputs by the name `run` returns them under
 * @param inputs every input the outputs may depend on; those not needed are dropped
 */
export async function compile(
  outputs: Readonly<Record<string, Tensor>>,
  inputs: readonly Tensor[],
  options: CompileOptions = {},
): Promise<Program> {
  const names = Object.keys(outputs);
  const clash = inputs.map(inputName).find((name) => name in outputs);
  if (clash !== undefined) throw new MoatError('name-clash', `compile: "${clash}" names both an input and an output`);
  const tensors = Object.values(outputs);
  const simplified = options.rewrite === false ? tensors : rewrite(tensors);
  const model = emitOnnx(
    names.map((name, index) => ({ name, tensor: simplified[index] as Tensor })),
    inputs,
  );
  const session = await createSession(model, options);
  const byName = new Map(inputs.map((tensor) => [inputName(tensor), tensor]));
  return new SessionProgram(session, byName, names);
}

/** @throws MoatError `no-such-device` when this build of ONNX Runtime, or this machine, does not have it */
async function createSession(model: Uint8Array, options: CompileOptions): Promise<InferenceSession> {
  const { device = 'cpu' } = options;
  const supported = listSupportedBackends().map(({ name }) => name);
  if (!supported.includes(device)) {
    throw new MoatError('no-such-device', `device ${device}: ONNX Runtime was built for ${supported.join(', ')} here`, {
      fix: 'Choose one of those with --device.',
    });
  }
  try {
    return await InferenceSession.create(model, {
      executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
      graphOptimizationLevel: options.optimization ?? 'all',
      logSeverityLevel: 3,
      // a planned block is allocated beside what the first run used: 1.6 GB instead of 1.04 for the same training step
      enableMemPattern: false,
      ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
    });
  } catch (error) {
    if (device !== 'cpu') {
      throw new MoatError('no-such-device', `device ${device} does not start: ${firstLine(messageOf(error))}`, {
        cause: error,
        fix: 'Install its driver, or choose --device cpu.',
      });
    }
    throw new Error(`ONNX Runtime refused the program: ${messageOf(error)}`, { cause: error });
  }
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

class SessionProgram implements Program {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #session: InferenceSession;
  readonly #inputs: ReadonlyMap<string, Tensor>;

  constructor(session: InferenceSession, inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[]) {
    this.#session = session;
    this.#inputs = inputs;
    this.inputNames = session.inputNames;
    this.outputNames = outputNames;
  }

  async run(feeds: Readonly<Record<string, Value>>, wanted = this.outputNames): Promise<Record<string, Value>> {
    const fed: Record<string, OrtTensor> = {};
    for (const name of this.inputNames) fed[name] = this.#check(name, feeds[name]);
    const results = await this.#session.run(fed, wanted);
    const values: Record<string, Value> = {};
    for (const name of wanted) {
      const result = results[name];
      if (result === undefined) throw new MoatError('bad-feed', `run: the program has no output "${name}"`);
      values[name] = { data: result.data as TensorData, dims: result.dims, dtype: result.type as DType };
    }
    return values;
  }

  #check(name: string, value: Value | undefined): OrtTensor {
    const expected = this.#inputs.get(name);
    if (value === undefined || expected === undefined)
      throw new MoatError('bad-feed', `run: input "${name}" is missing`);
    const problem = mismatch(expected, value);
    if (problem !== undefined) throw new MoatError('bad-feed', `run: input "${name}": ${problem}`);
    return new OrtTensor(value.dtype, value.data as Float32Array, value.dims);
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

/** A float32 value; the array is used in place. */
export function floats(data: Float32Array, dims: readonly number[]): Value {
  return { data, dims, dtype: 'float32' };
}

/** An int64 value from plain integers. */
export function integers(values: ArrayLike<number>, dims: readonly number[]): Value {
  const data = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) data[i] = BigInt(values[i] as number);
  return { data, dims, dtype: 'int64' };
}
