import { expect, test } from 'vitest';
import { targetAt } from '../../../../tests/served-upstream.js';
import { loadTokenizer } from '../../../lab/tokenizer/tokenizer.js';
import { AttemptFailure } from './attempt-failure.js';
import { PROBE_TEXT, checkIdentity } from './engine-identity.js';
import { type EngineName, engineNames } from './engine-presets.js';

const tokenizer = await loadTokenizer('tests/golden/chat');
const ids = tokenizer.encode(PROBE_TEXT);
const DIGEST = 'a2af6cc3eb7fa8be8504abaf9b04e88f17a119ec3f04a3addf55f92841195f5a';

/** What each engine answers about the model `there`, in the form its own source gives it. */
const ENGINES: Readonly<Record<EngineName, Readonly<Record<string, unknown>>>> = {
  vllm: {
    '/v1/models': {
      object: 'list',
      data: [
        { id: 'there', object: 'model', owned_by: 'vllm', root: '/models/there', parent: null, max_model_len: 4096 },
        { id: 'there-lora', object: 'model', owned_by: 'vllm', root: '/lora', parent: 'there', max_model_len: null },
      ],
    },
    '/tokenize': { count: ids.length, max_model_len: 4096, tokens: ids, token_strs: null },
  },
  sglang: {
    '/v1/models': { object: 'list', data: [{ id: 'there', owned_by: 'sglang', root: 'there', max_model_len: 4096 }] },
    '/v1/tokenize': { tokens: ids, count: ids.length, max_model_len: 131072 },
  },
  'llama.cpp': {
    '/v1/models': {
      models: [{ name: 'there', model: 'there' }],
      object: 'list',
      data: [
        { id: 'there', aliases: ['there', 'also'], owned_by: 'llamacpp', meta: { n_ctx: 4096, n_ctx_train: 8192 } },
      ],
    },
    '/props': { default_generation_settings: { params: {}, n_ctx: 4096 }, total_slots: 2, model_alias: 'there' },
    '/tokenize': { tokens: ids },
  },
  ollama: {
    '/api/tags': { models: [{ name: 'there:latest', model: 'there:latest', digest: DIGEST }] },
    '/api/show': { parameters: 'num_ctx                        4096\nstop                           "<|im_end|>"' },
    '/api/ps': { models: [] },
  },
  'ray-serve': {
    '/v1/models': {
      object: 'list',
      data: [{ id: 'there', metadata: { model_id: 'there', max_request_context_length: 4096 } }],
    },
    '/tokenize': { count: ids.length, max_model_len: 4096, tokens: ids },
  },
  transformers: {
    '/v1/models': { object: 'list', data: [{ owned_by: 'local', id: 'there', status: { value: 'loaded' } }] },
  },
};

interface Asked {
  readonly route: string;
  readonly body: object | undefined;
}

function check(
  engine: EngineName,
  changes: { target?: object; contextLength?: number | null; answers?: Record<string, unknown>; isWell?: boolean } = {},
) {
  const asked: Asked[] = [];
  const answers: Readonly<Record<string, unknown>> = { ...ENGINES[engine], ...changes.answers };
  const verdict = checkIdentity(
    { tokenizer, contextLength: changes.contextLength ?? 4096 },
    targetAt('http://127.0.0.1/v1', { engine, ...changes.target }),
    {
      async ask(route, body) {
        asked.push({ route, body });
        const answer = answers[route];
        if (answer instanceof Error) throw answer;
        if (answer === undefined) throw new AttemptFailure('not-offered', 'it answered 404');
        return answer;
      },
      probe: async () => changes.isWell ?? true,
    },
  );
  return verdict.then((found) => ({ ...found, asked }));
}

test.each(engineNames)('%s: what it serves is read as it says it', async (engine) => {
  const { asked, ...verdict } = await check(engine);
  const tells = engine !== 'transformers';
  expect(verdict).toEqual({
    state: 'right',
    problem: '',
    contextLength: tells ? 4096 : undefined,
    digest: engine === 'ollama' ? DIGEST : undefined,
    hasSameTokens: engine === 'ollama' || engine === 'transformers' ? undefined : true,
  });
  const tokenized = asked.find(({ route }) => route.endsWith('tokenize'))?.body;
  if (tokenized !== undefined) expect(Object.values(tokenized)).toContain(PROBE_TEXT);
});

test.each(engineNames)('%s: another model is wrong, and what it serves instead is said', async (engine) => {
  expect(await check(engine, { target: { model: 'elsewhere' } })).toMatchObject({
    state: 'wrong',
    problem: expect.stringMatching(/^it serves "there(:latest)?"(, "[\w-]+")*, not "elsewhere"$/) as string,
  });
});

test.each(['vllm', 'sglang', 'llama.cpp', 'ollama', 'ray-serve'] as const)(
  '%s: less context than is promised is wrong, more is not',
  async (engine) => {
    expect(await check(engine, { contextLength: 4097 })).toMatchObject({
      state: 'wrong',
      problem: 'its context has 4096 tokens, and contextLength promises 4097',
    });
    expect(await check(engine, { contextLength: 100 })).toMatchObject({ state: 'right' });
  },
);

test.each([
  ['vllm', '/tokenize'],
  ['sglang', '/v1/tokenize'],
  ['llama.cpp', '/tokenize'],
  ['ray-serve', '/tokenize'],
] as const)('%s: other tokens are wrong; without the route nothing is compared', async (engine, route) => {
  const others = { [route]: { tokens: [...ids.slice(1), 0] } };
  expect(await check(engine, { answers: others })).toMatchObject({ state: 'wrong', hasSameTokens: false });
  const gone = { [route]: undefined };
  expect(await check(engine, { answers: gone })).toMatchObject({ state: 'right', hasSameTokens: undefined });
});

test('an adapter of vLLM has the context of its model', async () => {
  expect(await check('vllm', { target: { model: 'there-lora' } })).toMatchObject({
    state: 'right',
    contextLength: 4096,
  });
});

test('SGLang before its model cards had a context, and llama.cpp before its slots had one', async () => {
  const sglang = { '/v1/models': { data: [{ id: 'there' }] }, '/get_server_info': { context_length: 2048 } };
  expect(await check('sglang', { answers: sglang })).toMatchObject({ state: 'wrong', contextLength: 2048 });
  expect(await check('llama.cpp', { answers: { '/props': {} } })).toMatchObject({
    state: 'right',
    contextLength: 8192,
  });
});

test('Ollama: the digest is compared by its beginning, and a loaded model tells its context', async () => {
  expect(await check('ollama', { target: { digest: DIGEST.slice(0, 12) } })).toMatchObject({ state: 'right' });
  expect(await check('ollama', { target: { digest: 'ffffffffffff' } })).toMatchObject({
    state: 'wrong',
    problem: 'the digest of its "there" is a2af6cc3eb7f, not ffffffffffff',
  });
  const loaded = { '/api/ps': { models: [{ name: 'there:latest', context_length: 2048 }] } };
  expect(await check('ollama', { answers: loaded })).toMatchObject({ state: 'wrong', contextLength: 2048 });
});

test.each([
  [new AttemptFailure('unavailable', 'ECONNREFUSED'), true, 'away', 'it does not answer (ECONNREFUSED)'],
  [
    new AttemptFailure('late', 'no answer within 5000 ms'),
    true,
    'away',
    'it does not answer (no answer within 5000 ms)',
  ],
  [new AttemptFailure('unauthorized', 'it answered 401'), true, 'wrong', 'it refuses the key'],
  [
    new AttemptFailure('not-offered', 'it answered 404'),
    true,
    'wrong',
    'it does not answer as vllm does (it answered 404)',
  ],
  [ENGINES.vllm['/v1/models'], false, 'away', 'GET /health is not answered with 200'],
])('%s, well %s: %s', async (answer, isWell, state, problem) => {
  expect(await check('vllm', { answers: { '/v1/models': answer }, isWell })).toMatchObject({ state, problem });
});
