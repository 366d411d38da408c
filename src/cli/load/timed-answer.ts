/** One streamed answer of an OpenAI-compatible server, with the time of each of its pieces. */
import { z } from 'zod';
import type { Clock } from '../../base/clock.js';
import { MoatError, messageOf } from '../../base/errors.js';

export interface LoadTarget {
  /** Takes chat completions: `…/v1/chat/completions`. */
  readonly endpoint: string;
  readonly apiKey: string | undefined;
  readonly model: string;
  readonly clock: Clock;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  readonly signal: AbortSignal;
}

export interface TimedAnswer {
  /** As the server counts them. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly firstTokenMs: number;
  /** Between the first and the last piece. */
  readonly writingMs: number;
}

const TIMEOUT_MS = 300_000;
const MOST_BYTES = 16_000_000;

const chunkSchema = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        delta: z.looseObject({ content: z.string().nullish() }).optional(),
        text: z.string().optional(),
      }),
    )
    .optional(),
  usage: z.looseObject({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) }).nullish(),
  error: z.looseObject({ message: z.string() }).optional(),
});

/** @throws MoatError `load-failed` naming what the server said */
export async function timedAnswer(target: LoadTarget, prompt: string, maxTokens: number): Promise<TimedAnswer> {
  const { endpoint, apiKey, model, clock, signal } = target;
  const send = target.fetch ?? fetch;
  const started = clock.monotonic();
  const times: number[] = [];
  let usage: { prompt_tokens: number; completion_tokens: number } | undefined;
  try {
    const response = await send(endpoint, {
      method: 'POST',
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({
        model,
        max_tokens: maxTokens,
        temperature: 1,
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: 'user', content: prompt }],
      }),
    });
    if (!response.ok) throw new Error(`status ${response.status}: ${(await response.text()).slice(0, 200)}`);
    for await (const data of eventsOf(response)) {
      const chunk = chunkSchema.parse(JSON.parse(data));
      if (chunk.error !== undefined) throw new Error(chunk.error.message);
      const [choice] = chunk.choices ?? [];
      if ((choice?.delta?.content ?? choice?.text ?? '') !== '') times.push(clock.monotonic() - started);
      usage = chunk.usage ?? usage;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw loadFailed(endpoint, messageOf(error), error);
  }
  if (usage === undefined) throw loadFailed(endpoint, 'the stream has no usage in it');
  const endedMs = clock.monotonic() - started;
  // An answer of unprintable bytes has no piece at all: then all of its time is the first token's.
  const firstTokenMs = times[0] ?? endedMs;
  return {
    inputTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
    firstTokenMs,
    writingMs: (times.at(-1) ?? firstTokenMs) - firstTokenMs,
  };
}

const loadFailed = (endpoint: string, what: string, cause?: unknown): MoatError =>
  new MoatError('load-failed', `${new URL(endpoint).host}: ${what}`, {
    fix: 'Check the model, its context and the key.',
    cause,
  });

/** The data of server-sent events, up to `[DONE]`. */
async function* eventsOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let [rest, bytes] = ['', 0];
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength;
    if (bytes > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes in one answer`);
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data:')) continue;
      const data = line.slice('data:'.length).trim();
      if (data === '[DONE]') return;
      yield data;
    }
  }
}
