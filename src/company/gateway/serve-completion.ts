import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { MoatError } from '../../base/errors.js';
import type { Payer, Scope } from '../billing/admission.js';
import { newId } from '../billing/identifiers.js';
import type { Usage } from '../billing/settlement.js';
import { ApiProblem, draining, toApiProblem } from './api-problem.js';
import type { AnswerDone, AnswerPart, Backend, PreparedAnswer } from './backend.js';
import { type AnswerHead, STREAM_END, type StreamFormat, type WholeAnswer } from './completion-format.js';
import { type Admitted, type MeteredContext, admitRequest } from './metered.js';
import type { TracedWish } from './tracing.js';

/** What serving one completion needs; the same path for every route and every payer. */
export interface CompletionContext extends MeteredContext {
  /** Ends when the server gives up waiting for its last answers. */
  readonly shutdown: AbortSignal;
  /** An answer is cut off after this long. */
  readonly maxAnswerMs: number;
  /** Told of what went wrong inside: an error, never a key or a customer's text. */
  onProblem(error: unknown): void;
}

/** One request, read and checked; nothing has run. */
export interface Serving {
  readonly backend: Backend;
  readonly prepared: PreparedAnswer;
  readonly payer: Payer;
  readonly scope: Scope;
  readonly form: AnswerHead['form'];
  /** How the answer is written: in pieces as they come, or whole at the end. */
  readonly format: AnswerFormat;
  /** Default: a new one. */
  readonly requestId?: string;
  readonly traced?: TracedWish;
}

export type AnswerFormat =
  | { readonly kind: 'stream'; readonly make: (head: AnswerHead) => StreamFormat; readonly includeUsage: boolean }
  | { readonly kind: 'whole'; readonly make: (head: AnswerHead) => WholeAnswer };

/**
 * Admit, generate, settle, answer. Whatever happens after admission, the request ends in exactly one settlement (or,
 * when the engine never began, in a released reservation).
 * @throws ApiProblem before the first byte of the answer; after it, the stream ends with an error event
 */
export async function serveCompletion(
  context: CompletionContext,
  { backend, prepared, payer, scope, form, format, requestId: given, traced }: Serving,
  outgoing: ServerResponse,
): Promise<void> {
  const now = context.clock.now();
  const requestId = given ?? newId('req', now);
  const { inputTokens, maxOutputTokens, choices } = prepared;
  const model = backend.modelId;
  const admitted = await admitRequest(context, {
    requestId,
    payer,
    scope,
    model,
    inputTokens,
    maxOutputTokens,
    traced,
  });
  const head: AnswerHead = {
    headers: admitted.headers,
    form,
    requestId,
    model,
    created: Math.floor(now / 1000),
    choices,
    tokenBytes: (token) => backend.tokenBytes?.(token) ?? new Uint8Array(),
  };
  const leaving = new AbortController();
  const gone = (): void => leaving.abort();
  outgoing.once('close', gone);
  // The connection may have closed while the database was admitting.
  if (outgoing.destroyed) leaving.abort();
  const late = setTimeout(gone, context.maxAnswerMs);
  context.shutdown.addEventListener('abort', gone);
  try {
    const sink =
      format.kind === 'stream'
        ? streamSink(head, format.make(head), format.includeUsage, outgoing)
        : wholeSink(head, format.make(head), outgoing);
    await generate(context, admitted, prepared, leaving.signal, sink);
  } finally {
    clearTimeout(late);
    context.shutdown.removeEventListener('abort', gone);
    outgoing.off('close', gone);
  }
}

/** Where an answer goes: a stream or one body. */
interface AnswerSink {
  part(part: AnswerPart): Promise<void>;
  /** The engine is done and the books are not yet written. */
  generated(done: AnswerDone): Promise<void>;
  /** The books are on disk. */
  settled(done: AnswerDone): void;
  /** @returns false when nothing was sent yet, so the error can still be an answer of its own */
  failed(problem: ApiProblem): boolean;
}

async function generate(
  context: CompletionContext,
  admitted: Admitted,
  prepared: PreparedAnswer,
  signal: AbortSignal,
  sink: AnswerSink,
): Promise<void> {
  let done: AnswerDone | undefined;
  let outputTokens = 0;
  let failure: unknown;
  try {
    // nobody can measure by the clock what another customer asked
    for await (const event of prepared.run(admitted.admission.customerId, signal)) {
      if (event.type === 'done') done = event;
      else {
        outputTokens += event.tokenCount;
        if (event.text !== '') admitted.firstText();
        if (!signal.aborted) await sink.part(event);
      }
    }
    if (done === undefined) failure = new Error('the engine ended without a result');
  } catch (error) {
    failure = error;
  }
  if (done === undefined && outputTokens === 0 && isRefusal(failure)) {
    await admitted.release();
    throw toApiProblem(failure);
  }
  try {
    if (done !== undefined) await sink.generated(done);
    await admitted.settle(usageFrom(done, outputTokens, prepared), done?.finishReasons);
  } catch (error) {
    failure ??= error;
  }
  if (failure === undefined && done !== undefined && isCutOff(done))
    failure = context.shutdown.aborted ? draining() : tooSlow();
  if (failure === undefined && done !== undefined) return sink.settled(done);
  const problem = toApiProblem(failure);
  if (!sink.failed(problem)) throw problem;
  // Nobody else hears of what breaks a stream in its middle.
  if (problem.status === 500) context.onProblem(failure);
}

const tooSlow = (): ApiProblem =>
  new ApiProblem(503, 'answer_timeout', 'The answer took too long and was cut off; what was generated is charged.');

const isCutOff = ({ finishReasons }: AnswerDone): boolean => finishReasons.includes('aborted');

/** Nothing was generated: by an engine that did not take it, or an upstream that none could be had from. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ApiProblem || (error instanceof MoatError && NOT_TAKEN.has(error.code));

const NOT_TAKEN = new Set([
  'queue-full',
  'engine-closed',
  'context-overflow',
  'bad-sampling',
  'bad-schema',
  'bad-token',
]);

/** A failed answer has the tokens that were seen; it is recorded and free. */
function usageFrom(done: AnswerDone | undefined, seenTokens: number, prepared: PreparedAnswer): Usage {
  if (done === undefined) {
    return {
      inputTokens: prepared.inputTokens,
      cachedTokens: 0,
      outputTokens: seenTokens,
      reasoningTokens: 0,
      computeMs: 0,
      status: 'failed',
    };
  }
  const { inputTokens, cachedTokens, outputTokens, reasoningTokens, computeMs } = done;
  const status = isCutOff(done) ? 'aborted' : 'finished';
  return { inputTokens, cachedTokens, outputTokens, reasoningTokens, computeMs, status };
}

function wholeSink(head: AnswerHead, whole: WholeAnswer, outgoing: ServerResponse): AnswerSink {
  return {
    async part(part) {
      whole.push(part);
    },
    async generated() {},
    settled(done) {
      if (outgoing.destroyed) return;
      outgoing.writeHead(200, {
        'content-type': 'application/json',
        'x-request-id': head.requestId,
        ...head.headers,
      });
      outgoing.end(JSON.stringify(whole.body(done)));
    },
    failed: () => outgoing.destroyed,
  };
}

function streamSink(
  head: AnswerHead,
  format: StreamFormat,
  includeUsage: boolean,
  outgoing: ServerResponse,
): AnswerSink {
  const open = (): string => {
    if (outgoing.headersSent) return '';
    outgoing.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      'x-request-id': head.requestId,
      ...head.headers,
    });
    return format.opening();
  };
  return {
    async part(part) {
      const events = format.part(part);
      if (events === '' || outgoing.destroyed || outgoing.write(open() + events)) return;
      // A slow reader slows its own answer down; one who leaves ends it.
      const settled = new AbortController();
      await Promise.race([once(outgoing, 'drain', settled), once(outgoing, 'close', settled)]);
      settled.abort();
    },
    async generated(done) {
      if (!outgoing.destroyed && !isCutOff(done)) outgoing.write(open() + format.finish(done.finishReasons));
    },
    settled(done) {
      if (!outgoing.destroyed) outgoing.end((includeUsage ? format.usage(done) : '') + STREAM_END);
    },
    failed(problem) {
      if (outgoing.destroyed) return true;
      if (!outgoing.headersSent) return false;
      outgoing.end(`data: ${JSON.stringify(problem.body)}\n\n`);
      return true;
    },
  };
}
