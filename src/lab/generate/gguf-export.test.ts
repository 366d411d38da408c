import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { withTokenizer, writeModelFolder } from '../../../tests/model-folder.js';
import { MoatError } from '../../base/errors.js';
import { openGguf } from '../checkpoint/gguf.js';
import type { WrittenType } from '../checkpoint/gguf-quantize.js';
import type { GgufMetadata, GgufValue } from '../checkpoint/gguf-values.js';
import { writeGguf } from '../checkpoint/gguf-write.js';
import { openModelFolder } from '../checkpoint/model-folder.js';
import { GGUF_PRE_TOKENIZERS } from '../tokenizer/gguf-pre-tokenizers.js';
import { constant, input } from '../graph/tensor.js';
import { compile, integers } from '../runtime/program.js';
import { INFERENCE } from '../models/model.js';
import { CHAT_TEMPLATE, END_OF_TEXT } from '../tokenizer/special-tokens.js';
import { loadTokenizer } from '../tokenizer/tokenizer.js';
import { exportGguf } from './gguf-export.js';
import { importGguf } from './gguf-import.js';
import { importFolder } from './import-folder.js';
import { loadModel } from './load-model.js';

let scratch: string;
let count = 0;
const fresh = (): string => path.join(scratch, `${count++}`);
beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'moat-gguf-export-'));
  await writeModelFolder(path.join(scratch, 'llama'), { model_type: 'llama' });
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const llama3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};
const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32 };
const CONFIGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  llama: { model_type: 'llama' },
  'llama, tied, heads of another size': { model_type: 'llama', tie_word_embeddings: true, head_dim: 24 },
  'llama with biases': { model_type: 'llama', attention_bias: true, mlp_bias: true },
  'llama 3 for long contexts': { model_type: 'llama', rope_theta: 500000, rope_scaling: llama3 },
  mistral: { model_type: 'mistral', sliding_window: null },
  qwen2: { model_type: 'qwen2', rope_theta: 1e6, rope_scaling: yarn },
  gpt2: { model_type: 'gpt2', n_positions: 128, n_embd: 64, n_inner: 96, n_layer: 2, n_head: 4 },
  qwen3: { model_type: 'qwen3', head_dim: 32, rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 20000 } },
};
const TEXTS = ["it's the 12 lazy  dogs\n\n", '敏捷的 naïve café! 🙂', '<|im_end|> <|endoftext|>', ' \t x = 1;'];

/** Logits `[tokens, vocabulary]` of one text. */
async function logitsOf(folder: string): Promise<Float32Array> {
  const { model, weights, tokenizer } = await loadModel(folder);
  const ids = tokenizer.encode(TEXTS.join('')).slice(0, 48);
  const tokens = input('tokens', [1, ids.length], 'int64');
  const parameter = (name: string) => {
    const value = weights.get(name);
    if (value === undefined) throw new Error(name);
    return constant(value.data, value.dims);
  };
  const { logits } = model.forward(parameter, { tokens }, INFERENCE);
  const program = await compile({ logits }, [tokens]);
  const results = await program.run({ tokens: integers(ids, [1, ids.length]) });
  await program.close();
  return results.logits?.data as Float32Array;
}

async function tensorsOf(folder: string): Promise<Map<string, Float32Array>> {
  const { weights, close } = await openModelFolder(folder);
  const tensors = new Map<string, Float32Array>();
  for (const name of weights.tensors.keys()) tensors.set(name, await weights.readFloat32(name));
  await close();
  return tensors;
}

async function roundTrip(source: string, type: WrittenType): Promise<string> {
  const [file, folder] = [`${fresh()}.gguf`, fresh()];
  await exportGguf(source, file, { type });
  await importGguf(file, folder);
  return folder;
}

describe.each(Object.entries(CONFIGS))('%s', (_name, keys) => {
  it('comes back from a file as it went: tensors, tokens and what it computes', async () => {
    const source = fresh();
    await writeModelFolder(source, keys);
    const folder = await roundTrip(source, 'F32');
    expect(await tensorsOf(folder)).toEqual(await tensorsOf(source));
    const [before, after] = [await loadTokenizer(source), await loadTokenizer(folder)];
    expect(after.hash).toBe(before.hash);
    for (const text of TEXTS) expect(after.encode(text)).toEqual(before.encode(text));
    expect([after.endOfText, after.pad, after.endOfTurn]).toEqual([before.endOfText, before.pad, before.endOfTurn]);
    expect((await loadModel(folder)).endTokens).toEqual((await loadModel(source)).endTokens);
    expect(await logitsOf(folder)).toEqual(await logitsOf(source));
  });
});

describe('types', () => {
  const source = (): string => path.join(scratch, 'llama');

  it('F16 keeps the nearest halves, and the bytes of halves once they are', async () => {
    const once = await roundTrip(source(), 'F16');
    const twice = await roundTrip(once, 'F16');
    expect(await readFile(path.join(twice, 'model.safetensors'))).toEqual(
      await readFile(path.join(once, 'model.safetensors')),
    );
    const name = 'model.layers.1.self_attn.q_proj.weight';
    const [before, after] = [(await tensorsOf(source())).get(name), (await tensorsOf(once)).get(name)];
    for (const [i, value] of (before ?? []).entries())
      expect(Math.abs((after?.[i] as number) - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11 + 2 ** -25);
    const { weights, close } = await openModelFolder(once);
    expect([weights.tensors.get(name)?.dtype, weights.tensors.get('model.norm.weight')?.dtype]).toEqual(['F16', 'F32']);
    await close();
  });

  it.each([
    ['F16', 0.01],
    ['Q8_0', 0.03],
    ['Q4_0', 0.4],
  ] as const)('%s gives logits near those of F32', async (type, tolerance) => {
    const [before, after] = [await logitsOf(source()), await logitsOf(await roundTrip(source(), type))];
    const square = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value * value, 0);
    const error = Math.sqrt(square(after.map((value, i) => value - (before[i] as number))) / square(before));
    expect(error).toBeLessThan(tolerance);
    expect(error).toBeGreaterThan(0);
  });

  it('rows that blocks do not divide are written as halves, and the result says so', async () => {
    const [folder, file] = [fresh(), `${fresh()}.gguf`];
    await writeModelFolder(folder, { model_type: 'llama', intermediate_size: 80 });
    const { notes } = await exportGguf(folder, file, { type: 'Q4_0' });
    expect(notes).toEqual(['2 of 21 tensors are F16: their rows do not divide by 32, as Q4_0 needs.']);
    const { tensors, close } = await openGguf(file);
    const typeOf = (name: string) => tensors.get(name)?.type;
    expect(
      ['blk.0.ffn_down', 'blk.0.ffn_up', 'output', 'blk.0.attn_norm'].map((name) => typeOf(`${name}.weight`)),
    ).toEqual(['F16', 'Q4_0', 'Q8_0', 'F32']);
    await close();
  });
});

test('pairs of queries and keys lie side by side for llama.cpp', async () => {
  const [folder, file] = [fresh(), `${fresh()}.gguf`];
  await writeModelFolder(folder, { model_type: 'llama' });
  await exportGguf(folder, file, { type: 'F32' });
  const reader = await openGguf(file);
  const written = await reader.readFloat32('blk.1.attn_k.weight');
  const original = (await tensorsOf(folder)).get('model.layers.1.self_attn.k_proj.weight') ?? new Float32Array();
  // second head of two, headSize 16: its rows 0, 8, 1, 9, …
  const row = (values: Float32Array, index: number): Float32Array => values.slice(index * 64, (index + 1) * 64);
  for (const [at, from] of [16, 24, 17, 25, 18].entries()) expect(row(written, 16 + at)).toEqual(row(original, from));
  await reader.close();
});

test('the chat template goes along, from whichever file has it', async () => {
  const folder = fresh();
  await writeModelFolder(folder, { model_type: 'llama' });
  const templateOf = async (): Promise<unknown> => {
    const [file, back] = [`${fresh()}.gguf`, fresh()];
    await exportGguf(folder, file, { type: 'F16' });
    await importGguf(file, back);
    return JSON.parse(await readFile(path.join(back, 'tokenizer_config.json'), 'utf8'));
  };
  expect(await templateOf()).toMatchObject({ chat_template: CHAT_TEMPLATE, eos_token: END_OF_TEXT });
  await writeFile(path.join(folder, 'chat_template.jinja'), '{{ messages }}\n');
  expect(await templateOf()).toMatchObject({ chat_template: '{{ messages }}\n' });
});

test('windows shorten the context that is promised', async () => {
  const [folder, file] = [fresh(), `${fresh()}.gguf`];
  await writeModelFolder(folder, { model_type: 'mistral', sliding_window: 48 });
  const { notes, architecture } = await exportGguf(folder, file, { type: 'F16' });
  expect(architecture).toBe('llama');
  expect(notes[0]).toContain('48 tokens');
  const { metadata, close } = await openGguf(file);
  expect(metadata.get('llama.context_length')).toEqual({ type: 'uint32', value: 48 });
  await close();
});

test.each(GGUF_PRE_TOKENIZERS.map((known) => [known.names[0] as string, known] as const))(
  'the cut %s is found again',
  async (name, { preTokenizer, normalizer, ignoreMerges }) => {
    const [folder, file] = [fresh(), `${fresh()}.gguf`];
    await withTokenizer(path.join(scratch, 'llama'), folder, (tokenizer) => ({
      ...tokenizer,
      pre_tokenizer: preTokenizer,
      normalizer: normalizer === null ? null : { type: normalizer },
      model: { ...(tokenizer['model'] as object), ignore_merges: ignoreMerges },
    }));
    await exportGguf(folder, file, { type: 'F16' });
    const { metadata, close } = await openGguf(file);
    expect(metadata.get('tokenizer.ggml.pre')).toEqual({ type: 'string', value: name });
    await close();
    const back = fresh();
    await importGguf(file, back);
    const [before, after] = [await loadTokenizer(folder), await loadTokenizer(back)];
    for (const text of TEXTS) expect(after.encode(text)).toEqual(before.encode(text));
  },
);

describe('what cannot be written is refused, and nothing is', () => {
  it.each([
    [
      { model_type: 'gpt2', n_positions: 128, n_embd: 64, n_layer: 2, n_head: 4, activation_function: 'relu' },
      '"relu"',
    ],
    [{ model_type: 'gemma3_text', head_dim: 16 }, 'exported are llama, mistral, qwen2, qwen3, gpt2'],
    [{ model_type: 'llama', hidden_act: 'gelu' }, 'hidden_act "gelu"'],
    [{ model_type: 'qwen3', head_dim: 16, attention_bias: true }, 'biases'],
    [{ model_type: 'qwen2', rope_scaling: { ...yarn, truncate: false } }, 'YaRN'],
  ])('%j', async (keys, problem) => {
    const [folder, file] = [fresh(), `${fresh()}.gguf`];
    await writeModelFolder(folder, keys);
    await expect(exportGguf(folder, file, { type: 'F16' })).rejects.toThrow(problem);
    expect(await readdir(scratch)).not.toContain(path.basename(file));
  });

  it('a cut of its own', async () => {
    const folder = fresh();
    const pattern = { type: 'Split', pattern: { Regex: 'a+' }, behavior: 'Isolated', invert: false };
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
    await withTokenizer(path.join(scratch, 'llama'), folder, (tokenizer) => ({
      ...tokenizer,
      pre_tokenizer: { type: 'Sequence', pretokenizers: [pattern, byteLevel] },
    }));
    await expect(exportGguf(folder, `${fresh()}.gguf`, { type: 'F16' })).rejects.toThrow('cuts text in a way');
  });
});

describe('files with something wrong', () => {
  let file: string;
  let metadata: GgufMetadata;
  beforeAll(async () => {
    file = `${fresh()}.gguf`;
    await exportGguf(path.join(scratch, 'llama'), file, { type: 'F32' });
    const reader = await openGguf(file);
    ({ metadata } = reader);
    await reader.close();
  });

  /** The file with one key changed, or left out. */
  async function changed(key: string, value: GgufValue | undefined, withoutTensor?: string): Promise<string> {
    const reader = await openGguf(file);
    const keys = new Map(metadata);
    if (value === undefined) keys.delete(key);
    else keys.set(key, value);
    const target = `${fresh()}.gguf`;
    const tensors = [...reader.tensors].filter(([name]) => name !== withoutTensor);
    await writeGguf(
      target,
      keys,
      tensors.map(([name, { type, shape }]) => ({ name, type, shape, read: () => reader.readBytes(name) })),
    );
    await reader.close();
    return target;
  }
  const text = (value: string): GgufValue => ({ type: 'string', value });
  const whole = (value: number): GgufValue => ({ type: 'uint32', value });

  it.each([
    'general.architecture',
    'llama.block_count',
    'llama.context_length',
    'llama.embedding_length',
    'llama.feed_forward_length',
    'llama.attention.head_count',
    'llama.attention.layer_norm_rms_epsilon',
    'tokenizer.ggml.model',
    'tokenizer.ggml.tokens',
    'tokenizer.ggml.merges',
  ])('without %s: the error names it', async (key) => {
    const error = await importGguf(await changed(key, undefined), fresh()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MoatError);
    expect(error).toMatchObject({ code: 'bad-gguf', message: expect.stringContaining(`key "${key}": missing`) });
  });

  it('every key as another type is refused in one line or makes no difference', async () => {
    for (const key of metadata.keys()) {
      const isText = metadata.get(key)?.type === 'string';
      const folder = fresh();
      const error = await importGguf(await changed(key, isText ? whole(7) : text('x')), folder).catch(
        (thrown: unknown) => thrown,
      );
      if (error instanceof Error) {
        expect(error, key).toBeInstanceOf(MoatError);
        expect(error.message, key).toContain(key);
        expect(error.message).not.toContain('\n');
        expect(await readdir(scratch)).not.toContain(path.basename(folder));
      } else await loadModel(folder);
    }
  });

  it.each([
    ['general.architecture', text('mamba'), 'general.architecture: "mamba" is not imported', 'unknown-architecture'],
    ['tokenizer.ggml.model', text('llama'), '"llama" (SentencePiece) is not byte-level BPE', 'tokenizer-unsupported'],
    ['tokenizer.ggml.pre', text('mystery'), 'key "tokenizer.ggml.pre": "mystery"', 'tokenizer-unsupported'],
    ['llama.expert_count', whole(8), 'mixtures of experts', 'bad-gguf'],
    ['llama.rope.dimension_count', whole(8), 'not 16, the size of a head', 'bad-gguf'],
    ['llama.attention.head_count', whole(0), 'zero', 'bad-gguf'],
    [
      'llama.attention.head_count',
      whole(2 ** 31),
      'heads of 34359738368 elements in all, but "blk.0.attn_q.weight" has 64 rows',
      'bad-gguf',
    ],
    ['llama.attention.key_length', whole(2 ** 31), 'value_length', 'bad-gguf'],
    ['llama.block_count', whole(2 ** 32 - 1), '4294967295 layers, with 21 tensors', 'bad-gguf'],
    ['llama.context_length', whole(2 ** 32 - 1), 'over the limit', 'bad-gguf'],
    ['llama.attention.head_count_kv', whole(2 ** 32 - 1), 'num_key_value_heads', 'bad-model-config'],
    ['llama.attention.head_count_kv', whole(3), 'num_key_value_heads', 'bad-model-config'],
    ['llama.block_count', whole(1), 'has no place', 'bad-gguf'],
    ['llama.block_count', whole(3), 'blk.2.attn_norm.weight" is missing', 'bad-gguf'],
    ['llama.embedding_length', whole(128), 'is [', 'bad-gguf'],
    ['llama.rope.scaling.type', text('longrope'), 'none, linear and yarn', 'bad-gguf'],
    ['tokenizer.ggml.eos_token_id', whole(4000), '4000, with 320 tokens', 'bad-gguf'],
    ['tokenizer.ggml.merges', { type: 'array', elementType: 'string', value: ['q q'] }, 'does not join', 'bad-gguf'],
    ['tokenizer.ggml.tokens', { type: 'array', elementType: 'string', value: ['a', 'a'] }, '', 'bad-gguf'],
    [
      'tokenizer.ggml.token_type',
      { type: 'array', elementType: 'int32', value: Int32Array.of(1) },
      '1 types',
      'bad-gguf',
    ],
  ] as const)('%s: %j', async (key, value, problem, code) => {
    const error = await importGguf(await changed(key, value), fresh()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringContaining(problem) });
  });

  it('without the embedding, or with a tensor of another model', async () => {
    await expect(importGguf(await changed('x', undefined, 'token_embd.weight'), fresh())).rejects.toThrow(
      'token_embd.weight',
    );
    await expect(importGguf(await changed('x', undefined, 'output_norm.weight'), fresh())).rejects.toThrow(
      'is missing',
    );
  });

  it('rope factors of no known rule', async () => {
    const [folder, target] = [fresh(), `${fresh()}.gguf`];
    await writeModelFolder(folder, { model_type: 'llama', rope_scaling: { ...llama3, low_freq_factor: 3 } });
    await exportGguf(folder, target, { type: 'F32' });
    await expect(importGguf(target, fresh())).rejects.toThrow('not those of Llama 3');
  });
});

test('a folder that is taken stays as it is', async () => {
  const file = `${fresh()}.gguf`;
  await exportGguf(path.join(scratch, 'llama'), file, { type: 'F16' });
  const folder = path.join(scratch, 'llama');
  await expect(importGguf(file, folder)).rejects.toMatchObject({ code: 'folder-taken' });
  await expect(importFolder(folder, scratch)).rejects.toMatchObject({ code: 'folder-taken' });
});

test('an end on request leaves nothing behind, and progress counts to the last tensor', async () => {
  const [file, folder] = [`${fresh()}.gguf`, fresh()];
  const seen: number[] = [];
  await exportGguf(path.join(scratch, 'llama'), file, {
    type: 'F16',
    onProgress: ({ tensorsDone }) => seen.push(tensorsDone),
  });
  expect(seen).toEqual(Array.from({ length: 21 }, (_, i) => i + 1));
  const stop = new AbortController();
  const onProgress = (): void => stop.abort();
  await expect(importGguf(file, folder, { signal: stop.signal, onProgress })).rejects.toThrow('aborted');
  const names = await readdir(scratch);
  expect(names.filter((name) => name.endsWith('.partial') || name === path.basename(folder))).toEqual([]);
});

test('a folder of Hugging Face is checked and copied, without what is no part of the model', async () => {
  const [source, folder] = [path.join(scratch, 'llama'), fresh()];
  await writeFile(path.join(source, 'notes.txt'), 'x');
  expect(await importFolder(source, folder)).toMatchObject({ modelType: 'llama', tensorCount: 21 });
  expect((await readdir(folder)).toSorted()).toEqual([
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  expect(await tensorsOf(folder)).toEqual(await tensorsOf(source));
});
