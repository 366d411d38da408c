/** `upstreams.json`: which models of ours are answered by engines elsewhere. Secrets are not in it, only the names of their variables. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError, messageOf, systemCode } from '../../../base/errors.js';
import { type Tokenizer, loadTokenizer } from '../../../lab/tokenizer/tokenizer.js';
import { urlProblem } from './address-guard.js';
import { Secret } from './secret.js';

const milliseconds = z.int().min(1).max(3_600_000);

const targetSchema = z
  .strictObject({
    url: z.string(),
    model: z.string().min(1).max(200),
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
    allowPrivate: z.boolean().default(false),
    tokens: z.boolean().default(false),
    usageInEveryChunk: z.boolean().default(false),
    maxTokensField: z.enum(['max_tokens', 'max_completion_tokens']).default('max_tokens'),
  })
  .superRefine(({ url, allowPrivate }, context) => {
    const problem = urlProblem(url, allowPrivate);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['url'], message: problem });
  });

const modelSchema = z.strictObject({
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
export interface UpstreamTarget extends Omit<z.output<typeof targetSchema>, 'apiKeyEnvironment'> {
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
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
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
        targets: targets.map(({ apiKeyEnvironment, ...target }) => ({
          ...target,
          apiKey: apiKeyEnvironment === undefined ? undefined : keyIn(environment, apiKeyEnvironment, file),
        })),
      }),
    ),
  );
}

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
  const value = environment[name]?.trim() ?? '';
  if (value === '') {
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
