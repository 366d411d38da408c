import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { formatMicros } from '../../base/money.js';
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { GenerateDone, TextChunk, TextEngine } from '../../lab/generate/engine.js';
import type { Admission, Payer } from '../billing/admission.js';
import { newId } from '../billing/identifiers.js';
import type { Meter } from '../billing/meter.js';
import type { Usage } from '../billing/settlement.js';
import { ApiProblem, draining, invalidKey, toApiProblem } from './api-problem.js';
import type { GatewayMetrics } from './metrics.js';
import type { RateLimiter, Taken } from './rate-limits.js';
import { type AnswerHead, STREAM_END, streamFormat, wholeAnswer } from './completion-format.js';
import type { CompletionRequest } from './completion-request.js';

/** What serving one completion needs; the same path for every route and every payer. */
export interface CompletionContext {
  readonly meter: Meter;
  readonly metrics: GatewayMetrics;
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  /** Ends when the server gives up waiting for its last answers. */
  readonly shutdown: AbortSignal;
  /** An answer is cut off after this long. */
  readonly maxAnswerMs: number;
}

/** The studio's own requests. */
const UNLIMITED: Taken = { headers: {}, giveBack: () => undefined };

/**
 * Admit, generate, settle, answer. Whatever happens after admission, the request ends in exactly one settlement (or,
 * when the engine never began, in a released reservation).
 * @throws ApiProblem before the first byte of the answer; after it, the stream ends with an error event
 */
export async function serveCompletion(
  context: CompletionContext,
  engine: TextEngine,
  payer: Payer,
  request: CompletionRequest,
  outgoing: ServerResponse,
): Promise<void> {
  const now = context.clock.now();
  const requestId = newId('req', now);
  const asked = request.promptTokens.length + request.maxTokens * request.choices;
  const taken = payer === 'internal' ? UNLIMITED : context.limiter.take(payer.keyHash, asked);
  const admission = await admit(context.meter, engine, payer, request, requestId).catch((error: unknown) => {
    taken.giveBack(asked);
    throw error;
  });
  const head: AnswerHead = {
    headers: taken.headers,
    form: request.form,
    requestId,
    model: engine.modelId,
    created: Math.floor(now / 1000),
    choices: request.choices,
    tokenBytes: (token) => engine.tokenBytes(token),
  };
  const leaving = new AbortController();
  const gone = (): void => leaving.abort();
  outgoing.once('close', gone);
  // The connection may have closed while the database was admitting.
  if (outgoing.destroyed) leaving.abort();
  const late = setTimeout(gone, context.maxAnswerMs);
  context.shutdown.addEventListener('abort', gone);
  try {
    const sink = request.stream ? streamSink(head, request, outgoing) : wholeSink(head, outgoing);
    const onUsed = (outputTokens: number): void => taken.giveBack(request.maxTokens * request.choices - outputTokens);
    await generate({ ...context, onUsed }, engine, admission, request, leaving.signal, sink);
  } finally {
    clearTimeout(late);
    context.shutdown.removeEventListener('abort', gone);
    outgoing.off('close', gone);
  }
}

async function admit(
  meter: Meter,
  engine: TextEngine,
  payer: Payer,
  request: CompletionRequest,
  requestId: string,
): Promise<Admission> {
  const inputTokens = request.promptTokens.length;
  const result = await meter.admit({
    requestId,
    payer,
    model: engine.modelId,
    inputTokens,
    maxTokens: request.maxTokens * request.choices,
  });
  switch (result.outcome) {
    case 'admitted':
      return result;
    case 'unknown-key':
      throw invalidKey();
    case 'unpriced':
      throw new ApiProblem(
        404,
        'model_not_found',
        `The model ${engine.modelId} has no price in ${result.currency} and is not for sale.`,
        {
          param: 'model',
        },
      );
    case 'insufficient-credit': {
      const needed = `${formatMicros(result.neededMicros)} ${result.currency}`;
      const available = `${formatMicros(result.availableMicros)} ${result.currency}`;
      throw new ApiProblem(
        402,
        'insufficient_credit',
        `This request may cost up to ${needed}; ${available} of credit is available.`,
        {
          type: 'insufficient_quota',
        },
      );
    }
  }
}

/** Where an answer goes: a stream or one body. */
interface AnswerSink {
  text(chunk: TextChunk): Promise<void>;
  /** The engine is done and the books are not yet written. */
  generated(done: GenerateDone): Promise<void>;
  /** The books are on disk. */
  settled(done: GenerateDone): void;
  /** @returns false when nothing was sent yet, so the error can still be an answer of its own */
  failed(problem: ApiProblem): boolean;
}

async function generate(
  context: CompletionContext & { readonly onUsed: (outputTokens: number) => void },
  engine: TextEngine,
  admission: Admission,
  request: CompletionRequest,
  signal: AbortSignal,
  sink: AnswerSink,
): Promise<void> {
  let done: GenerateDone | undefined;
  let outputTokens = 0;
  let failure: unknown;
  const { meter, clock, metrics } = context;
  const admittedAt = clock.monotonic();
  let firstTextAt: number | undefined;
  try {
    const { promptTokens, maxTokens, choices, sampling } = request;
    // nobody can measure by the clock what another customer asked
    const cacheScope = admission.customerId;
    for await (const event of engine.generate({ promptTokens, maxTokens, choices, cacheScope, ...sampling }, signal)) {
      if (event.type === 'done') done = event;
      else {
        outputTokens += event.tokenCount;
        firstTextAt ??= clock.monotonic();
        if (!signal.aborted) await sink.text(event);
      }
    }
    if (done === undefined) failure = new Error('the engine ended without a result');
  } catch (error) {
    failure = error;
  }
  context.onUsed(outputTokens);
  if (done === undefined && outputTokens === 0 && isRefusal(failure)) {
    await meter.release(admission);
    throw toApiProblem(failure);
  }
  try {
    if (done !== undefined) await sink.generated(done);
    const usage = usageFrom(done, outputTokens, request);
    await meter.settle({ admission, usage, atMs: clock.now() });
    metrics.answered({
      model: admission.model,
      kind: admission.kind,
      usage,
      seconds: (clock.monotonic() - admittedAt) / 1000,
      firstTextSeconds: firstTextAt === undefined ? undefined : (firstTextAt - admittedAt) / 1000,
    });
  } catch (error) {
    failure ??= error;
  }
  if (failure === undefined && done !== undefined && isCutOff(done))
    failure = context.shutdown.aborted ? draining() : tooSlow();
  if (failure === undefined && done !== undefined) sink.settled(done);
  else if (!sink.failed(toApiProblem(failure))) throw toApiProblem(failure);
}

const tooSlow = (): ApiProblem =>
  new ApiProblem(503, 'answer_timeout', 'The answer took too long and was cut off; what was generated is charged.');

const isCutOff = ({ finishReasons }: GenerateDone): boolean => finishReasons.includes('aborted');

const isRefusal = (error: unknown): boolean =>
  error instanceof MoatError &&
  ['queue-full', 'engine-closed', 'context-overflow', 'bad-sampling', 'bad-schema', 'bad-token'].includes(error.code);

/** A failed answer has the tokens that were seen; it is recorded and free. */
function usageFrom(done: GenerateDone | undefined, seenTokens: number, request: CompletionRequest): Usage {
  if (done === undefined) {
    return {
      inputTokens: request.promptTokens.length,
      cachedTokens: 0,
      outputTokens: seenTokens,
      computeMs: 0,
      status: 'failed',
    };
  }
  const { inputTokens, cachedTokens, outputTokens, computeMs } = done;
  return {
    inputTokens,
    cachedTokens,
    outputTokens,
    computeMs,
    status: isCutOff(done) ? 'aborted' : 'finished',
  };
}

function wholeSink(head: AnswerHead, outgoing: ServerResponse): AnswerSink {
  const whole = wholeAnswer(head);
  return {
    async text(chunk) {
      whole.push(chunk);
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

function streamSink(head: AnswerHead, request: CompletionRequest, outgoing: ServerResponse): AnswerSink {
  const format = streamFormat(head, request.includeUsage);
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
    async text(chunk) {
      const events = format.text(chunk);
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
      if (!outgoing.destroyed) outgoing.end((request.includeUsage ? format.usage(done) : '') + STREAM_END);
    },
    failed(problem) {
      if (outgoing.destroyed) return true;
      if (!outgoing.headersSent) return false;
      outgoing.end(`data: ${JSON.stringify(problem.body)}\n\n`);
      return true;
    },
  };
}
