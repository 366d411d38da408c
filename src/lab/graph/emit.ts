import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  ModelProtoSchema,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { MoatError } from '../../base/errors.js';
import { formatBytes } from '../../base/units.js';
import { formatShape, sameShape } from './dims.js';
import {
  type EmitNodeOptions,
  type Tensor,
  type TensorData,
  type TensorType,
  constantData,
  inputName,
  isConstant,
  isInput,
  isProjection,
  topologicalOrder,
} from './tensor.js';

const ELEMENT_TYPES = {
  float32: TensorProto_DataType.FLOAT,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
} as const;

/** ONNX opset 20 with ONNX Runtime's com.microsoft ops; IR version 9. */
const OPSETS = [
  { domain: '', version: 20n },
  { domain: 'com.microsoft', version: 1n },
];

/** A protobuf message ends at 2 GiB; a twentieth of that is for everything but the constants. */
const MAX_CONSTANT_BYTES = 0.95 * 2 ** 31;

export interface NamedOutput {
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * Writes the graph under `outputs` as one ONNX model.
 * @param inputs must hold every input the outputs depend on; more are allowed and ignored
 * @throws MoatError `unbound-input` naming an input that is not listed; `program-too-large` when the constants are more
 * than one ONNX file holds
 */
export function emitOnnx(outputs: readonly NamedOutput[], inputs: readonly Tensor[]): Uint8Array {
  const chosen = new Map(outputs.map(({ name, tensor }) => [tensor, name]));
  const emitter = new Emitter(chosen);
  const declared = new Set(inputs);
  const order = topologicalOrder(outputs.map(({ tensor }) => tensor));
  const used: Tensor[] = [];
  for (const tensor of order) {
    if (isInput(tensor)) {
      if (!declared.has(tensor)) {
        throw new MoatError('unbound-input', `compile: input "${inputName(tensor)}" is used but was not listed`);
      }
      used.push(tensor);
    }
    emitter.add(tensor);
  }
  for (const { name, tensor } of outputs) emitter.nameOutput(tensor, name);
  return emitter.finish(used, outputs);
}

class Emitter {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  /** Output names of every tensor seen, the extra outputs included. */
  readonly #names = new Map<Tensor, readonly string[]>();
  readonly #integerConstants = new Map<string, string>();
  /** Names the caller wants; an op writes straight to its own, so that an output costs no copy. */
  readonly #chosen: ReadonlyMap<Tensor, string>;
  #counter = 0;

  constructor(chosen: ReadonlyMap<Tensor, string>) {
    this.#chosen = chosen;
  }

  #fresh(prefix: string): string {
    return `${prefix}_${this.#counter++}`;
  }

  add(tensor: Tensor): void {
    if (isInput(tensor)) {
      this.#names.set(tensor, [inputName(tensor)]);
    } else if (isConstant(tensor)) {
      this.#names.set(tensor, [this.#initializer(constantData(tensor) as TensorData, tensor)]);
    } else if (isProjection(tensor)) {
      const [producer] = tensor.inputs as readonly [Tensor];
      this.#names.set(tensor, [this.#namesOf(producer)[tensor.attributes['index'] as number] as string]);
    } else {
      this.#apply(tensor);
    }
  }

  #apply(tensor: Tensor): void {
    const { op, inputs, attributes, extraOutputs } = tensor;
    const outputs = [this.#chosen.get(tensor) ?? this.#fresh(op.name), ...extraOutputs.map(() => this.#fresh(op.name))];
    this.#names.set(tensor, outputs);
    op.emit({
      inputs: inputs.map((source) => this.#namesOf(source)[0] as string),
      inputTypes: inputs,
      outputType: tensor,
      outputs,
      attributes,
      node: (opType, names, options) => this.#node(opType, names, options),
      int64: (values) => this.#int64(values),
      scalar: (value) => this.#initializer(Float32Array.of(value), { shape: [], dtype: 'float32' }),
    });
  }

  #namesOf(tensor: Tensor): readonly string[] {
    const names = this.#names.get(tensor);
    if (names === undefined) throw new Error(`emit: ${tensor.op.name} was used before it was emitted`);
    return names;
  }

  #node(opType: string, inputs: readonly string[], options: EmitNodeOptions = {}): string {
    const outputs = options.outputs ?? [this.#fresh(opType)];
    this.#nodes.push(
      create(NodeProtoSchema, {
        name: `${opType}_${this.#nodes.length}`,
        opType,
        domain: options.domain ?? '',
        input: [...inputs],
        output: [...outputs],
        attribute: [
          ...Object.entries(options.attributes ?? {}).map(([name, value]) => attribute(name, value)),
          ...Object.entries(options.floats ?? {}).map(([name, value]) =>
            create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value }),
          ),
          ...Object.entries(options.strings ?? {}).map(([name, values]) => {
            const strings = values.map((value) => new Uint8Array(new TextEncoder().encode(value)));
            return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRINGS, strings });
          }),
        ],
      }),
    );
    return outputs[0] as string;
  }

  #int64(values: readonly number[]): string {
    const key = values.join(',');
    const known = this.#integerConstants.get(key);
    if (known !== undefined) return known;
    const name = this.#initializer(BigInt64Array.from(values, BigInt), { shape: [values.length], dtype: 'int64' });
    this.#integerConstants.set(key, name);
    return name;
  }

  #initializer(data: TensorData, type: TensorType): string {
    const name = this.#fresh('constant');
    const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    const dims = type.shape.map(BigInt);
    this.#initializers.push(create(TensorProtoSchema, { name, dims, dataType: ELEMENT_TYPES[type.dtype], rawData }));
    return name;
  }

  /** Makes sure a tensor carries the name the caller chose: inputs and repeated outputs need a copy for that. */
  nameOutput(tensor: Tensor, name: string): void {
    const current = this.#namesOf(tensor)[0] as string;
    if (current !== name) this.#node('Identity', [current], { outputs: [name] });
  }

  finish(inputs: readonly Tensor[], outputs: readonly NamedOutput[]): Uint8Array {
    const constantBytes = this.#initializers.reduce((sum, { rawData }) => sum + rawData.byteLength, 0);
    if (constantBytes > MAX_CONSTANT_BYTES) {
      throw new MoatError(
        'program-too-large',
        `compile: the weights take ${formatBytes(constantBytes)}, one program holds ${formatBytes(MAX_CONSTANT_BYTES)}`,
        { fix: 'Store them in fewer bits (--quantization int8 or int4), or choose a smaller model.' },
      );
    }
    const graph = create(GraphProtoSchema, {
      name: 'moat',
      node: this.#nodes,
      initializer: this.#initializers,
      input: inputs.map((tensor) => valueInfo(inputName(tensor), tensor)),
      output: outputs.map(({ name, tensor }) => valueInfo(name, tensor)),
    });
    const model = create(ModelProtoSchema, { irVersion: 9n, producerName: 'moat', opsetImport: OPSETS, graph });
    return toBinary(ModelProtoSchema, model);
  }
}

function attribute(name: string, value: number | string | readonly number[]) {
  if (typeof value === 'string') {
    const s = new Uint8Array(new TextEncoder().encode(value));
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRING, s });
  }
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  }
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) });
}

function valueInfo(name: string, type: TensorType): ValueInfoProto {
  const dim = type.shape.map((size) => ({
    value:
      typeof size === 'number'
        ? { case: 'dimValue' as const, value: BigInt(size) }
        : { case: 'dimParam' as const, value: size },
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: ELEMENT_TYPES[type.dtype], shape: { dim } } } },
  });
}

/** Checks a fed tensor against the type of the input it is for, named sizes free. @returns what is wrong, or undefined */
export function mismatch(expected: TensorType, fed: { dims: readonly number[]; dtype: string }): string | undefined {
  const shape = expected.shape.map((dim, axis) => (typeof dim === 'number' ? dim : (fed.dims[axis] ?? -1)));
  if (expected.dtype === fed.dtype && sameShape(shape, fed.dims)) return undefined;
  return `expected ${expected.dtype}${formatShape(expected.shape)}, got ${fed.dtype}${formatShape(fed.dims)}`;
}
