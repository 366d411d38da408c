/**
 * How llama.cpp names what Hugging Face's folders hold: architectures, tensors, and the one difference in what the tensors
 * contain. Import and export read the same tables. Source: llama.cpp, `gguf-py/gguf/constants.py` and `tensor_mapping.py`.
 */

export interface GgufArchitecture {
  /** `general.architecture`, and the prefix of its keys. */
  readonly name: string;
  /** The `model_type` that an imported file gets. */
  readonly modelType: string;
  /** Other `model_type`s that are exported under this name. */
  readonly alsoFrom: readonly string[];
  /**
   * Rotary pairs lie side by side: row `2i + half` of a head of queries or keys is Hugging Face's row
   * `half · headSize/2 + i`. Llama's own weights came so, and llama.cpp kept it for them.
   */
  readonly pairsSideBySide: boolean;
}

export const GGUF_ARCHITECTURES: readonly GgufArchitecture[] = [
  { name: 'llama', modelType: 'llama', alsoFrom: ['mistral'], pairsSideBySide: true },
  { name: 'qwen2', modelType: 'qwen2', alsoFrom: [], pairsSideBySide: false },
  { name: 'qwen3', modelType: 'qwen3', alsoFrom: [], pairsSideBySide: false },
  { name: 'gpt2', modelType: 'gpt2', alsoFrom: [], pairsSideBySide: false },
];

/** The stretching of each rotary pair, `[headSize/2]`; in Hugging Face's folders part of the configuration. */
export const ROPE_FACTORS = 'rope_freqs.weight';

/** Hugging Face's name without `.weight` or `.bias`, and llama.cpp's. */
const OUTER: ReadonlyMap<string, string> = new Map([
  ['model.embed_tokens', 'token_embd'],
  ['model.norm', 'output_norm'],
  ['lm_head', 'output'],
  ['transformer.wte', 'token_embd'],
  ['transformer.wpe', 'position_embd'],
  ['transformer.ln_f', 'output_norm'],
]);

/** The same for what is in each layer. */
const IN_LAYER: ReadonlyMap<string, string> = new Map([
  ['input_layernorm', 'attn_norm'],
  ['self_attn.q_proj', 'attn_q'],
  ['self_attn.k_proj', 'attn_k'],
  ['self_attn.v_proj', 'attn_v'],
  ['self_attn.o_proj', 'attn_output'],
  ['self_attn.q_norm', 'attn_q_norm'],
  ['self_attn.k_norm', 'attn_k_norm'],
  ['post_attention_layernorm', 'ffn_norm'],
  ['mlp.gate_proj', 'ffn_gate'],
  ['mlp.up_proj', 'ffn_up'],
  ['mlp.down_proj', 'ffn_down'],
  ['ln_1', 'attn_norm'],
  ['attn.c_attn', 'attn_qkv'],
  ['attn.c_proj', 'attn_output'],
  ['ln_2', 'ffn_norm'],
  ['mlp.c_fc', 'ffn_up'],
  ['mlp.c_proj', 'ffn_down'],
]);

/** llama.cpp's name of a parameter; undefined for one that it has no name for. */
export function ggufNameOf(parameter: string): string | undefined {
  const [, stem = '', kind = ''] = /^(.+)\.(weight|bias)$/.exec(parameter) ?? [];
  const outer = OUTER.get(stem);
  if (outer !== undefined) return `${outer}.${kind}`;
  const [, layer, part = ''] = /^(?:model\.layers|transformer\.h)\.(\d+)\.(.+)$/.exec(stem) ?? [];
  const inner = IN_LAYER.get(part);
  return inner === undefined ? undefined : `blk.${layer}.${inner}.${kind}`;
}

/** Whether Hugging Face keeps this matrix as `[in, out]`, as GPT-2 came, and llama.cpp as `[out, in]`. */
export function isTransposed(parameter: string): boolean {
  return /^transformer\.h\.\d+\.(?:attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)\.weight$/.test(parameter);
}

/** A parameter's shape in the file. */
export function ggufShapeOf(parameter: string, shape: readonly number[]): readonly number[] {
  return isTransposed(parameter) ? shape.toReversed() : shape;
}

/** @param matrix `[rows, columns]` elements of `elementBytes` bytes @returns `[columns, rows]` */
export function transposeBytes(matrix: Uint8Array, rows: number, elementBytes: number): Uint8Array {
  const columns = matrix.length / rows / elementBytes;
  const result = new Uint8Array(matrix.length);
  for (let row = 0, from = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const into = (column * rows + row) * elementBytes;
      for (let byte = 0; byte < elementBytes; byte++) result[into + byte] = matrix[from++] as number;
    }
  return result;
}

/** Whether a parameter has rotary pairs in its rows: queries or keys, weight or bias, but not their norms. */
export function hasRotaryRows(parameter: string): boolean {
  return /\.self_attn\.[qk]_proj\.(?:weight|bias)$/.test(parameter);
}

/**
 * Moves the rows of each head from one order of rotary pairs to the other.
 * @param rows queries or keys, `[heads · headSize]` rows of `rowBytes` bytes
 * @param to which order to make
 */
export function reorderPairs(
  rows: Uint8Array,
  headSize: number,
  rowBytes: number,
  to: 'side-by-side' | 'halves',
): Uint8Array {
  const result = new Uint8Array(rows.length);
  for (let row = 0; row * rowBytes < rows.length; row++) {
    const place = row % headSize;
    const paired = row - place + 2 * (place % (headSize / 2)) + Math.floor(place / (headSize / 2));
    const [from, into] = to === 'side-by-side' ? [row, paired] : [paired, row];
    result.set(rows.subarray(from * rowBytes, (from + 1) * rowBytes), into * rowBytes);
  }
  return result;
}
