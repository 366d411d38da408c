/** A model served by scripted engines, and what its answers are gathered into. */
import { expect } from 'vitest';
import { systemClock } from '../src/base/clock.js';
import { Rng } from '../src/base/rng.js';
import { ApiProblem } from '../src/company/gateway/api-problem.js';
import type { AnswerDone, AnswerPart, PreparedAnswer } from '../src/company/gateway/backend.js';
import type { ChatBody } from '../src/company/gateway/completion-request.js';
import type { UpstreamProblem } from '../src/company/gateway/upstream/ask-targets.js';
import { Secret } from '../src/company/gateway/upstream/secret.js';
import {
  type UpstreamBackend,
  type UpstreamSettings,
  createUpstreamBackend,
} from '../src/company/gateway/upstream/upstream-backend.js';
import type { UpstreamModel, UpstreamTarget } from '../src/company/gateway/upstream/upstream-file.js';
import { openScriptedUpstream } from './scripted-upstream.js';

const closers: (() => Promise<void> | void)[] = [];

/** After each test. */
export async function closeUpstreams(): Promise<void> {
  for (const close of closers.splice(0)) await close();
}

export const KEY = 'sk-abcdef0123456789-private';

export const targetAt = (url: string, changes: Partial<UpstreamTarget> = {}): UpstreamTarget => ({
  url,
  engine: undefined,
  digest: undefined,
  lacks: [],
  usageOfOneChoice: false,
  model: 'there',
  apiKey: new Secret(KEY),
  weight: 1,
  priority: 0,
  connectTimeoutMs: 1000,
  firstTokenTimeoutMs: 2000,
  idleTimeoutMs: 2000,
  timeoutMs: 5000,
  allowPrivate: true,
  tokens: false,
  usageInEveryChunk: false,
  maxTokensField: 'max_tokens',
  ...changes,
});

export async function upstream(...script: Parameters<typeof openScriptedUpstream>) {
  const opened = await openScriptedUpstream(...script);
  closers.push(() => opened.close());
  return opened;
}

export const MODEL = {
  modelId: 'ours',
  contextLength: null,
  tokenizer: undefined,
  maxOutputTokens: 4,
  embeddings: false,
} as const;

export interface Served {
  readonly backend: UpstreamBackend;
  readonly problems: UpstreamProblem[];
  readonly pauses: number[];
}

export function serve(
  targets: readonly UpstreamTarget[],
  changes: Partial<Omit<UpstreamSettings, 'model'>> & { model?: Partial<UpstreamModel> } = {},
): Served {
  const problems: UpstreamProblem[] = [];
  const pauses: number[] = [];
  const { model, ...settings } = changes;
  const backend = createUpstreamBackend({
    model: { ...MODEL, targets, ...model },
    clock: systemClock,
    rng: Rng.fromSeed(1),
    onProblem: (problem) => problems.push(problem),
    pause: async (ms) => void pauses.push(ms),
    probeIntervalMs: 0,
    ...settings,
  });
  closers.push(() => backend.close());
  return { backend, problems, pauses };
}

export const chat = (more: object = {}): ChatBody => ({
  model: 'ours',
  messages: [{ role: 'user', content: 'hello' }],
  ...more,
});

export interface Ran {
  readonly parts: AnswerPart[];
  readonly done: AnswerDone;
}

export async function collect(prepared: PreparedAnswer, signal = new AbortController().signal): Promise<Ran> {
  const parts: AnswerPart[] = [];
  const ends: AnswerDone[] = [];
  for await (const event of prepared.run('scope', signal)) {
    expect(ends).toEqual([]);
    if (event.type === 'part') parts.push(event);
    else ends.push(event);
  }
  expect(ends).toHaveLength(1);
  return { parts, done: ends[0] as AnswerDone };
}

export const ask = (backend: UpstreamBackend, more: object = {}) => collect(backend.prepareChat(chat(more)));
export const textOf = ({ parts }: Ran): string => parts.map(({ text }) => text).join('');
export const failureOf = (run: Promise<unknown>): Promise<ApiProblem> =>
  run.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(ApiProblem);
      return error as ApiProblem;
    },
  );
