/** What customers ask during one round, drawn from its seed, and what each of them saw. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rng } from '../../src/base/rng.js';

export interface Payer {
  readonly customerId: string;
  readonly secretKey: string;
  /** False: the key was revoked, or never was one. */
  readonly isValid: boolean;
}

export interface Ask {
  /** Tokens of the prompt; no other request of the round has as many, so an event tells which request it is of. */
  readonly promptTokens: number;
  readonly payer: Payer;
  readonly model: 'quick' | 'slow' | 'dying' | 'full';
  readonly form: 'chat' | 'text';
  readonly stream: boolean;
  readonly choices: number;
  readonly maxTokens: number;
  /** Hangs up after this many pieces of a stream, or this many milliseconds of a whole answer. */
  readonly leavesAfter: number | undefined;
  /** Sent a second time at once, under the same `Idempotency-Key`. */
  readonly repeated: boolean;
  /** Milliseconds after the beginning of the round. */
  readonly delayMs: number;
}

/**
 * How it ended for the client. `finished`: the whole answer came, and its end (`[DONE]`, or a body with status 200).
 * `refused`: an error instead of an answer. `broken`: the answer or the connection ended early. `left`: the client hung up.
 * `hung`: nothing came for too long.
 */
export interface Seen {
  readonly ask: Ask;
  readonly outcome: 'finished' | 'refused' | 'broken' | 'left' | 'hung';
  readonly status: number;
  readonly code: string;
  /** Of the answer: `cmpl-…` or `chatcmpl-…`. */
  readonly id: string;
  /** Tokens in the text that came. */
  readonly textTokens: number;
  /** What the answer said it had used. */
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number } | undefined;
}

const PATIENCE_MS = 20_000;

export function drawAsks(rng: Rng, payers: readonly Payer[], count: number): Ask[] {
  const oneIn = (chances: number): boolean => rng.below(chances) === 0;
  return Array.from({ length: count }, (_, index): Ask => {
    const model = oneIn(12) ? 'full' : oneIn(8) ? 'dying' : oneIn(3) ? 'slow' : 'quick';
    const stream = !oneIn(3);
    return {
      promptTokens: index + 1,
      payer: payers[rng.below(payers.length)] as Payer,
      model,
      form: oneIn(2) ? 'chat' : 'text',
      stream,
      choices: oneIn(4) ? 2 + rng.below(2) : 1,
      maxTokens: 1 + rng.below(model === 'slow' ? 40 : 25),
      leavesAfter: oneIn(5) ? 1 + rng.below(stream ? 6 : 60) : undefined,
      repeated: oneIn(6),
      delayMs: rng.below(400),
    };
  });
}

/** Sends all of them, each at its time. @returns one or, where it was repeated, two for each */
export async function perform(url: string, asks: readonly Ask[], round: string): Promise<Seen[]> {
  const seen = await Promise.all(
    asks.map(async (ask) => {
      await sleep(ask.delayMs);
      const name = `${round}-${ask.promptTokens}`;
      return Promise.all(ask.repeated ? [send(url, ask, name), send(url, ask, name)] : [send(url, ask, name)]);
    }),
  );
  return seen.flat();
}

export const NOBODY: Payer = { customerId: '', secretKey: `moat_sk_${'n'.repeat(43)}`, isValid: false };

async function send(url: string, ask: Ask, name: string): Promise<Seen> {
  const leaving = new AbortController();
  const late = setTimeout(() => leaving.abort('late'), PATIENCE_MS);
  const leave =
    ask.stream || ask.leavesAfter === undefined ? undefined : setTimeout(() => leaving.abort('left'), ask.leavesAfter);
  const found = { status: 0, code: '', id: '', textTokens: 0, usage: undefined as Seen['usage'], ended: false };
  try {
    const response = await fetch(`${url}/v1/${ask.form === 'chat' ? 'chat/completions' : 'completions'}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ask.payer.secretKey}`,
        'content-type': 'application/json',
        'idempotency-key': name,
      },
      body: JSON.stringify(bodyOf(ask)),
      signal: leaving.signal,
    });
    found.status = response.status;
    const streams = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (streams && response.body !== null) await readStream(response.body, ask, found, () => leaving.abort('left'));
    else readWhole(JSON.parse(await response.text()), found);
  } catch {
    // seen by what is missing
  } finally {
    clearTimeout(late);
    clearTimeout(leave);
  }
  const { ended, ...rest } = found;
  const outcome = ended
    ? 'finished'
    : leaving.signal.reason === 'late'
      ? 'hung'
      : leaving.signal.reason === 'left'
        ? 'left'
        : found.status !== 200 && found.status !== 0
          ? 'refused'
          : 'broken';
  return { ask, outcome, ...rest };
}

function bodyOf({ model, form, stream, choices, maxTokens, promptTokens }: Ask): object {
  const prompt = 'x'.repeat(promptTokens);
  const question = form === 'chat' ? { messages: [{ role: 'user', content: prompt }] } : { prompt };
  const streaming = stream ? { stream, stream_options: { include_usage: true } } : {};
  return { model, ...question, ...streaming, n: choices, max_tokens: maxTokens };
}

interface Message {
  id?: string;
  choices?: { text?: string; delta?: { content?: string }; message?: { content: string } }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  error?: { code: string };
}

type Found = { -readonly [Name in 'code' | 'id' | 'textTokens' | 'usage']: Seen[Name] } & {
  status: number;
  ended: boolean;
};

function readMessage({ id, choices = [], usage, error }: Message, found: Found): void {
  found.id = id ?? found.id;
  found.code = error?.code ?? found.code;
  for (const { text, delta, message } of choices) {
    // the scripted engine's tokens are numbers with a space behind each
    found.textTokens += (text ?? delta?.content ?? message?.content ?? '').split(' ').length - 1;
  }
  if (usage != null) found.usage = { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens };
}

function readWhole(body: Message, found: Found): void {
  readMessage(body, found);
  found.ended = found.status === 200;
}

async function readStream(body: ReadableStream<Uint8Array>, ask: Ask, found: Found, leave: () => void): Promise<void> {
  let rest = '';
  let pieces = 0;
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + text).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      if (!event.startsWith('data: ')) continue;
      const data = event.slice('data: '.length);
      if (data === '[DONE]') found.ended = true;
      else readMessage(JSON.parse(data), found);
      if (ask.leavesAfter !== undefined && ++pieces === ask.leavesAfter && !found.ended) return leave();
    }
  }
}
