/** `upstreams.json`: which models of ours are answered by engines elsewhere. Secrets are not in it, only the names of their variables. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError, messageOf, systemCode } from '../../../base/errors.js';
import { parseMicros } from '../../../base/money.js';
import { secretFrom } from '../../../base/secret-environment.js';
import { type Tokenizer, loadTokenizer } from '../../../lab/tokenizer/tokenizer.js';
import type { BoughtTokens, Elsewhere } from '../../business/serving-cost.js';
import { urlProblem } from './address-guard.js';
import { type EngineName, engineNames, enginePresets } from './engine-presets.js';
import { Secret } from './secret.js';

const milliseconds = z.int().min(1).max(3_600_000);

const targetSchema = z
  .strictObject({
    engine: z.enum(engineNames).optional(),
    url: z.string().optional(),
    model: z.string().min(1).max(200),
    digest: z
      .string()
      .regex(/^(sha256:)?[0-9a-f]{8,64}$/, 'is the beginning of a SHA-256, at least 8 hexadecimal digits')
      .optional(),
    apiKeyEnvironment: z
      .string()
      .regex(/^[A-Z_][A-Z0-9_]*$/, 'is the name of an environment variable, in capitals')
      .optional(),
    weight: z.number().positive().max(1e6).default(1),
    priority: z.int().min(0).max(100).default(0),
    connectTimeoutMs: milliseconds.default(5_000),
    firstTokenTimeoutMs: milliseconds.default(60_000),
    idleTimeoutMs: milliseconds.default(60_000),
    timeoutMs: milliseconds.default(600_000),
    allowPrivate: z.boolean().optional(),
    tokens: z.boolean().optional(),
    usageInEveryChunk: z.boolean().optional(),
    lacks: z.array(z.string().min(1).max(100)).max(100).optional(),
    maxTokensField: z.enum(['max_tokens', 'max_completion_tokens']).default('max_tokens'),
  })
  .superRefine(({ engine, digest }, context) => {
    if (digest === undefined || engine === 'ollama') return;
    context.addIssue({ code: 'custom', path: ['digest'], message: 'is told by "engine": "ollama" alone' });
  })
  .transform((given, context) => {
    const target = completed(given);
    const problem =
      target.url === '' ? 'is missing; only with an engine is it known' : urlProblem(target.url, target.allowPrivate);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['url'], message: problem });
    return target;
  });

interface GivenTarget {
  readonly engine?: EngineName | undefined;
  readonly url?: string | undefined;
  readonly digest?: string | undefined;
  readonly allowPrivate?: boolean | undefined;
  readonly tokens?: boolean | undefined;
  readonly usageInEveryChunk?: boolean | undefined;
  readonly lacks?: readonly string[] | undefined;
}

/** With what its engine is known for, where the file does not say it. */
function completed<Given extends GivenTarget>(given: Given) {
  const preset = given.engine === undefined ? undefined : enginePresets[given.engine];
  return {
    ...given,
    url: urlWithDefaults(given.url, preset?.port),
    digest: given.digest?.replace(/^sha256:/, ''),
    // an engine without an address is on this machine
    allowPrivate: given.allowPrivate ?? (preset !== undefined && given.url === undefined),
    tokens: given.tokens ?? preset?.tokens ?? false,
    usageInEveryChunk: given.usageInEveryChunk ?? preset?.usageInEveryChunk ?? false,
    lacks: [...(given.lacks ?? preset?.lacks ?? [])],
    usageOfOneChoice: preset?.usageOfOneChoice ?? false,
  };
}

/** `http://host` of a known engine is its port there, and `/v1`; no address at all is this machine. */
function urlWithDefaults(written: string | undefined, port: number | undefined): string {
  if (port === undefined) return written ?? '';
  const text = written ?? 'http://127.0.0.1';
  const [, origin = text, path] = /^(https?:\/\/[^/?#]*)(\/?)$/i.exec(text) ?? [];
  if (path === undefined) return text;
  return `${/^https:/i.test(origin) || /:\d+$/.test(origin) ? origin : `${origin}:${port}`}/v1`;
}
/** Of a million tokens, in the project's currency: `"2.50"`. */
const amount = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,6})?$/, 'is an amount such as "2.50"')
  .transform((text) => parseMicros(text));

const modelSchema = z.strictObject({
  cost: z.union([z.literal('our-machine'), z.strictObject({ input: amount, output: amount })]).optional(),
  contextLength: z.int().min(1).optional(),
  tokenizer: z.string().min(1).optional(),
  maxOutputTokens: z.int().min(1).max(10_000_000).default(4096),
  embeddings: z.boolean().default(false),
  targets: z.array(targetSchema).min(1).max(64),
});

const fileSchema = z.strictObject({
  models: z.record(z.string().min(1).max(200), modelSchema),
});

/** One engine, as the file says it; `docs/UPSTREAMS.md` says what each field means. */
export interface UpstreamTarget extends Omit<z.output<typeof targetSchema>, 'apiKeyEnvironment' | 'engine' | 'digest'> {
  /** What it must be; undefined where nobody asks. */
  readonly engine: EngineName | undefined;
  /** The beginning of the model's SHA-256. */
  readonly digest: string | undefined;
  readonly apiKey: Secret | undefined;
}

export interface UpstreamModel {
  /** Ours, which customers ask for. */
  readonly modelId: string;
  readonly contextLength: number | null;
  /** The model's own; undefined where only the engine can count. */
  readonly tokenizer: Tokenizer | undefined;
  /** Of an answer, where the request does not say. */
  readonly maxOutputTokens: number;
  /** It turns texts into vectors and writes none. */
  readonly embeddings: boolean;
  readonly targets: readonly UpstreamTarget[];
}

/**
 * @param file `upstreams.json`; where there is none, there are no upstreams
 * @param environment where the keys are
 * @throws MoatError `bad-upstreams` with the field, `upstream-key-missing`, and what `loadTokenizer` throws
 */
export async function readUpstreams(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<UpstreamModel[]> {
  const text = await readIfThere(file);
  if (text === undefined) return [];
  const { models } = checked(text, file);
  return Promise.all(
    Object.entries(models).map(
      async ([modelId, { contextLength, tokenizer, maxOutputTokens, embeddings, targets }]) => ({
        modelId,
        contextLength: contextLength ?? null,
        tokenizer:
          tokenizer === undefined ? undefined : await loadTokenizer(path.resolve(path.dirname(file), tokenizer)),
        maxOutputTokens,
        embeddings,
        targets: targets.map(({ apiKeyEnvironment, engine, ...target }) => ({
          ...target,
          engine,
          apiKey: apiKeyEnvironment === undefined ? undefined : keyIn(environment, apiKeyEnvironment, file),
        })),
      }),
    ),
  );
}

/** What is paid for each model of the file, as it states it; null where it does not. @throws MoatError `bad-upstreams` */
export async function readUpstreamCosts(file: string): Promise<Elsewhere> {
  const text = await readIfThere(file);
  if (text === undefined) return new Map();
  const { models } = checked(text, file);
  const costs = new Map<string, BoughtTokens | 'our-machine' | null>();
  for (const [model, { cost }] of Object.entries(models)) {
    if (cost === undefined || cost === 'our-machine') costs.set(model, cost ?? null);
    else costs.set(model, { inputMicros: cost.input, outputMicros: cost.output });
  }
  return costs;
}

const readIfThere = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });

function checked(text: string, file: string): z.output<typeof fileSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // the message of JSON.parse quotes the text, and somebody may have written a key there
    const where = /position \d+( \(line \d+ column \d+\))?/.exec(messageOf(error))?.[0] ?? 'its end';
    throw new MoatError('bad-upstreams', `${file} is no JSON (at ${where})`);
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = (issue?.path ?? []).reduce<string>(
    (path, key) => (typeof key === 'number' ? `${path}[${key}]` : path === '' ? String(key) : `${path}.${String(key)}`),
    '',
  );
  throw new MoatError('bad-upstreams', `${file}: ${field === '' ? 'the file' : field}: ${issue?.message ?? ''}`, {
    fix: 'docs/UPSTREAMS.md says what may be there.',
  });
}

function keyIn(environment: Readonly<Record<string, string | undefined>>, name: string, file: string): Secret {
  const value = secretFrom(environment, name);
  if (value === undefined) {
    throw new MoatError('upstream-key-missing', `${file} names the environment variable ${name}, which is not set`, {
      fix: `Set ${name} to the key, or leave apiKeyEnvironment out.`,
    });
  }
  // it becomes a header
  if (!/^[\x21-\x7e]+$/.test(value))
    throw new MoatError(
      'upstream-key-missing',
      `the environment variable ${name} holds no key: it has spaces or signs no key has`,
    );
  return new Secret(value);
}
