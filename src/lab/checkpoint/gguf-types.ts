/**
 * The element types of GGUF tensors (github.com/ggml-org/ggml, `ggml.h` and `ggml-common.h`): each is a block of
 * elements in so many bytes. Rows are whole blocks.
 */
import { invariant } from '../../base/errors.js';

export interface GgufTypeFacts {
  /** As files number it. */
  readonly id: number;
  readonly blockElements: number;
  readonly blockBytes: number;
}

export const GGUF_TYPES = {
  F32: { id: 0, blockElements: 1, blockBytes: 4 },
  F16: { id: 1, blockElements: 1, blockBytes: 2 },
  Q4_0: { id: 2, blockElements: 32, blockBytes: 18 },
  Q4_1: { id: 3, blockElements: 32, blockBytes: 20 },
  Q5_0: { id: 6, blockElements: 32, blockBytes: 22 },
  Q5_1: { id: 7, blockElements: 32, blockBytes: 24 },
  Q8_0: { id: 8, blockElements: 32, blockBytes: 34 },
  Q2_K: { id: 10, blockElements: 256, blockBytes: 84 },
  Q3_K: { id: 11, blockElements: 256, blockBytes: 110 },
  Q4_K: { id: 12, blockElements: 256, blockBytes: 144 },
  Q5_K: { id: 13, blockElements: 256, blockBytes: 176 },
  Q6_K: { id: 14, blockElements: 256, blockBytes: 210 },
  IQ4_NL: { id: 20, blockElements: 32, blockBytes: 18 },
  IQ4_XS: { id: 23, blockElements: 256, blockBytes: 136 },
  I8: { id: 24, blockElements: 1, blockBytes: 1 },
  I16: { id: 25, blockElements: 1, blockBytes: 2 },
  I32: { id: 26, blockElements: 1, blockBytes: 4 },
  I64: { id: 27, blockElements: 1, blockBytes: 8 },
  F64: { id: 28, blockElements: 1, blockBytes: 8 },
  BF16: { id: 30, blockElements: 1, blockBytes: 2 },
} as const satisfies Record<string, GgufTypeFacts>;

export type GgufType = keyof typeof GGUF_TYPES;

const BY_ID: ReadonlyMap<number, GgufType> = new Map(
  Object.entries(GGUF_TYPES).map(([name, { id }]) => {
    invariant(isGgufType(name), `${name} is in its own table`);
    return [id, name];
  }),
);

function isGgufType(name: string): name is GgufType {
  return Object.hasOwn(GGUF_TYPES, name);
}

/** The type with this number, or undefined for one that is not known here. */
export function ggufTypeOf(id: number): GgufType | undefined {
  return BY_ID.get(id);
}

/** Bytes of `elements` elements, which fill whole blocks. */
export function ggufBytes(type: GgufType, elements: number): number {
  const { blockElements, blockBytes } = GGUF_TYPES[type];
  return (elements / blockElements) * blockBytes;
}
