/**
 * The engines that are known by name: where they listen, which fields of a request they do not have, and how each is asked what it
 * serves. Routes and fields are those of their own sources, read in November 2026; docs/UPSTREAMS.md lists them.
 */
import { isRecord } from './attempt-failure.js';

export const engineNames = ['vllm', 'sglang', 'llama.cpp', 'ollama', 'ray-serve', 'transformers'] as const;
export type EngineName = (typeof engineNames)[number];

/**
 * Asks the engine: GET, or POST where there is a body. Routes begin at its root, above `/v1`.
 * @returns its JSON @throws AttemptFailure
 */
export type AskEngine = (route: string, body?: object) => Promise<unknown>;

/** What an engine says of a model; undefined where it does not say. */
export interface EngineIdentity {
  /** Every name under which it answers. */
  readonly names: readonly string[];
  /** Tokens that one request may have, prompt and answer together. */
  readonly contextLength?: number | undefined;
  /** SHA-256 of the model, in hexadecimal. */
  readonly digest?: string | undefined;
}

export interface EnginePreset {
  /** Where it listens unless told otherwise. */
  readonly port: number;
  /** Answered with 200 while it can serve; begins at its root. */
  readonly healthRoute: string;
  /** Fields that it refuses, ignores or answers in another form; `completions.logprobs` is of that route alone. */
  readonly lacks: readonly string[];
  readonly usageInEveryChunk: boolean;
  readonly tokens: boolean;
  /** Of several answers its usage counts one. */
  readonly usageOfOneChoice: boolean;
  /** @returns undefined where it has no such model @throws AttemptFailure */
  identify(ask: AskEngine, model: string): Promise<EngineIdentity>;
  /** Ids of a text without special tokens; undefined where the engine does not tell. @throws AttemptFailure */
  readonly tokenize?: (ask: AskEngine, model: string, text: string) => Promise<readonly unknown[]>;
}

/** Their `/tokenize` takes and gives the same fields. */
const tokenizePrompt =
  (route: string): NonNullable<EnginePreset['tokenize']> =>
  async (ask, model, prompt) =>
    listIn(await ask(route, { model, prompt, add_special_tokens: false }), 'tokens');

const usual = { healthRoute: '/health', lacks: [], usageInEveryChunk: false, tokens: false, usageOfOneChoice: false };

export const enginePresets: Readonly<Record<EngineName, EnginePreset>> = {
  // vllm/entrypoints/openai/models, vllm/entrypoints/serve/tokenize
  vllm: {
    ...usual,
    port: 8000,
    lacks: ['completions.suffix'],
    usageInEveryChunk: true,
    tokens: true,
    identify: async (ask, model) => identityIn(await ask('/v1/models'), model, (card) => card['max_model_len']),
    tokenize: tokenizePrompt('/tokenize'),
  },
  // python/sglang/srt/entrypoints/http_server.py
  sglang: {
    ...usual,
    port: 30000,
    usageInEveryChunk: true,
    async identify(ask, model) {
      const listed = identityIn(await ask('/v1/models'), model, (card) => card['max_model_len']);
      if (listed.contextLength !== undefined || !listed.names.includes(model)) return listed;
      // before the model cards said it
      const server = await ask('/get_server_info');
      return { ...listed, contextLength: countIn(isRecord(server) ? server['context_length'] : undefined) };
    },
    tokenize: tokenizePrompt('/v1/tokenize'),
  },
  // tools/server/server-context.cpp; the context is that of a slot, which is what one request has
  'llama.cpp': {
    ...usual,
    port: 8080,
    // the first two are ignored; logprobs of completions come in the form of chats
    lacks: ['repetition_penalty', 'completions.suffix', 'completions.logprobs'],
    tokens: true,
    usageOfOneChoice: true,
    async identify(ask, model) {
      const [models, props] = [await ask('/v1/models'), await ask('/props')];
      const settings = isRecord(props) ? props['default_generation_settings'] : undefined;
      const slot = countIn(isRecord(settings) ? settings['n_ctx'] : undefined);
      const listed = identityIn(models, model, ({ meta }) => (isRecord(meta) ? meta['n_ctx_train'] : undefined));
      return { ...listed, contextLength: slot ?? listed.contextLength };
    },
    tokenize: async (ask, _model, content) => listIn(await ask('/tokenize', { content, add_special: false }), 'tokens'),
  },
  // api/types.go, openai/openai.go; a field that its structs do not have is ignored
  ollama: {
    ...usual,
    port: 11434,
    healthRoute: '/api/version',
    lacks: [
      'n',
      'logit_bias',
      'top_k',
      'min_p',
      'repetition_penalty',
      'tool_choice',
      'parallel_tool_calls',
      'completions.logprobs',
    ],
    identify: identifyInOllama,
  },
  // python/ray/llm/_internal/serve/core/ingress
  'ray-serve': {
    ...usual,
    port: 8000,
    healthRoute: '/-/healthz',
    lacks: ['completions.suffix'],
    usageInEveryChunk: true,
    tokens: true,
    identify: async (ask, model) =>
      identityIn(await ask('/v1/models'), model, ({ metadata }) =>
        isRecord(metadata) ? metadata['max_request_context_length'] : undefined,
      ),
    tokenize: tokenizePrompt('/tokenize'),
  },
  // src/transformers/cli/serving; what OpenAI's types do not have is refused with 422, the rest ignored
  transformers: {
    ...usual,
    port: 8000,
    lacks: [
      'n',
      'logprobs',
      'top_logprobs',
      'presence_penalty',
      'response_format',
      'tool_choice',
      'parallel_tool_calls',
      'reasoning_effort',
      'top_k',
      'min_p',
      'repetition_penalty',
      'stream_options',
      // it writes the suffix behind the answer
      'completions.suffix',
    ],
    identify: async (ask, model) => identityIn(await ask('/v1/models'), model, () => undefined),
  },
};

/** Its context is `num_ctx` of the model, or what a loaded one has: that of the weights says nothing of what is served. */
async function identifyInOllama(ask: AskEngine, model: string): Promise<EngineIdentity> {
  const isMeant = (entry: Record<string, unknown>): boolean =>
    entry['name'] === model || entry['name'] === `${model}:latest`;
  const installed = listIn(await ask('/api/tags'), 'models').filter(isRecord);
  const names = installed.flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
  const found = installed.find(isMeant);
  if (found === undefined) return { names };
  const shown = await ask('/api/show', { model });
  const parameters = isRecord(shown) && typeof shown['parameters'] === 'string' ? shown['parameters'] : '';
  const written = /^num_ctx\s+(\d+)\s*$/m.exec(parameters)?.[1];
  const running = listIn(await ask('/api/ps'), 'models')
    .filter(isRecord)
    .find(isMeant);
  return {
    names: [...names, model],
    contextLength: countIn(running?.['context_length']) ?? countIn(Number(written)),
    digest: typeof found['digest'] === 'string' ? found['digest'].replace(/^sha256:/, '') : undefined,
  };
}

/** @param contextOf the context in a card of OpenAI's list of models */
function identityIn(
  models: unknown,
  model: string,
  contextOf: (card: Record<string, unknown>) => unknown,
): EngineIdentity {
  const cards = listIn(models, 'data').filter(isRecord);
  const namesOf = ({ id, aliases }: Record<string, unknown>): string[] =>
    [id, ...(Array.isArray(aliases) ? (aliases as unknown[]) : [])].filter((name) => typeof name === 'string');
  const card = cards.find((each) => namesOf(each).includes(model));
  const base = cards.find(({ id }) => id !== undefined && id === card?.['parent']);
  return {
    names: [...new Set(cards.flatMap(namesOf))],
    // an adapter has the context of the model it stands on
    contextLength: countIn(card === undefined ? undefined : (contextOf(card) ?? (base && contextOf(base)))),
  };
}

function listIn(value: unknown, field: string): unknown[] {
  const list = isRecord(value) ? value[field] : undefined;
  return Array.isArray(list) ? list : [];
}

const countIn = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
