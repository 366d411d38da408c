/**
 * Run as a program of its own by `engines.ts`, because a library built for another processor ends the process instead
 * of throwing: loads ONNX Runtime, runs a model of one node (3 + 4), prints the sum.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const scalar = (name: string) => ({
  name,
  type: {
    value: {
      case: 'tensorType' as const,
      value: {
        elemType: TensorProto_DataType.FLOAT,
        shape: { dim: [{ value: { case: 'dimValue' as const, value: 1n } }] },
      },
    },
  },
});

const graph = create(GraphProtoSchema, {
  name: 'probe',
  node: [{ opType: 'Add', input: ['a', 'b'], output: ['sum'] }],
  input: [scalar('a'), scalar('b')],
  output: [scalar('sum')],
});
const model = create(ModelProtoSchema, { irVersion: 9n, opsetImport: [{ domain: '', version: 20n }], graph });
const session = await InferenceSession.create(toBinary(ModelProtoSchema, model));
const { sum } = await session.run({
  a: new Tensor('float32', Float32Array.of(3), [1]),
  b: new Tensor('float32', Float32Array.of(4), [1]),
});
process.stdout.write(String(sum?.data[0]));
