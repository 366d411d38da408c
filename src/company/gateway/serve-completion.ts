import { once } from 'node:events';
import { MoatError } from '../../base/errors.js';
import type { PromptLog } from '../access/prompt-log.js';
import type { Payer, Scope } from '../billing/admission.js';
import { newId } from '../billing/identifiers.js';
import type { Usage } from '../billing/settlement.js';
import { ApiProblem, draining, toApiProblem } from './api-problem.js';
import { type AnswerTarget, endWithJson, whileWanted } from './answer-target.js';
import type { AnswerDone, AnswerPart, Backend, PreparedAnswer } from './backend.js';
import type { AnswerHead, StreamFormat, WholeAnswer } from './completion-format.js';
import { type Admitted, type MeteredContext, admitRequest } from './metered.js';
import type { TracedWish } from './tracing.js';

/** What serving one completion needs; the same path for every route and every payer. */
export interface CompletionContext extends MeteredContext {
  /** Ends when the server gives up waiting for its last answers. */
  readonly shutdown: AbortSignal;
  /** An answer is cut off after this long. */
  readonly maxAnswerMs: number;
  /** Where prompts and answers are stored; undefined where they are not. */
  readonly promptLog?: Pick<PromptLog, 'record'> | undefined;
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
  readonly requestId?: string | undefined;
  readonly traced?: TracedWish;
  /** What was asked, as text: for the prompt log, where there is one. */
  readonly promptText?: () => string;
}

export type AnswerFormat =
  | { readonly kind: 'stream'; readonly make: (head: AnswerHead) => StreamFormat; readonly includeUsage: boolean }
  | { readonly kind: 'whole'; readonly make: (head: AnswerHead) => WholeAnswer };

/**
 * Admit, generate, settle, answer. Whatever happens after admission, the request ends in exactly one settlement (or,
 * when the engine never began, in a released reservation).
 * @returns the error that a stream ended with after its first byte
 * @throws ApiProblem before the first byte of the answer
 */
export async function serveCompletion(
  context: CompletionContext,
  serving: Serving,
  outgoing: AnswerTarget,
): Promise<ApiProblem | undefined> {
  const { backend, prepared, payer, scope, form, format, requestId: given, traced } = serving;
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
  return whileWanted(context, outgoing, (signal) => {
    const sink =
      format.kind === 'stream'
        ? streamSink(head, format.make(head), format.includeUsage, outgoing)
        : wholeSink(head, format.make(head), outgoing);
    return generate(context, admitted, prepared, signal, loggedSink(context, sink, admitted, serving));
  });
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

/** Stores what was asked and answered when the answer is over, whole or not; nobody waits for it. */
function loggedSink(
  { promptLog, onProblem }: CompletionContext,
  sink: AnswerSink,
  { admission: { requestId, customerId, model } }: Admitted,
  { promptText }: Serving,
): AnswerSink {
  if (promptLog === undefined || promptText === undefined) return sink;
  let answer = '';
  const record = (): void => {
    promptLog.record({ requestId, customerId, model, prompt: promptText(), answer }).catch(onProblem);
  };
  return {
    ...sink,
    part(part) {
      answer += part.text;
      return sink.part(part);
    },
    settled(done) {
      record();
      sink.settled(done);
    },
    failed(problem) {
      record();
      return sink.failed(problem);
    },
  };
}

async function generate(
  context: CompletionContext,
  admitted: Admitted,
  prepared: PreparedAnswer,
  signal: AbortSignal,
  sink: AnswerSink,
): Promise<ApiProblem | undefined> {
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
  if (failure === undefined && done !== undefined) {
    sink.settled(done);
    return undefined;
  }
  const problem = toApiProblem(failure);
  if (!sink.failed(problem)) throw problem;
  // Nobody else hears of what breaks a stream in its middle.
  if (problem.status === 500) context.onProblem(failure);
  return problem;
}

export const tooSlow = (): ApiProblem =>
  new ApiProblem(503, 'answer_timeout', 'The answer took too long and was cut off; what was generated is charged.');

const isCutOff = ({ finishReasons }: AnswerDone): boolean => finishReasons.includes('aborted');

/** Nothing was generated: by an engine that did not take it, or an upstream that none could be had from. */
export const isRefusal = (error: unknown): boolean =>
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

function wholeSink(head: AnswerHead, whole: WholeAnswer, outgoing: AnswerTarget): AnswerSink {
  return {
    async part(part) {
      whole.push(part);
    },
    async generated() {},
    settled(done) {
      if (!outgoing.destroyed)
        endWithJson(outgoing, { 'x-request-id': head.requestId, ...head.headers }, whole.body(done));
    },
    failed: () => outgoing.destroyed,
  };
}

function streamSink(head: AnswerHead, format: StreamFormat, includeUsage: boolean, outgoing: AnswerTarget): AnswerSink {
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
      if (!outgoing.destroyed) outgoing.end((includeUsage ? format.usage(done) : '') + format.end);
    },
    failed(problem) {
      if (outgoing.destroyed) return true;
      if (!outgoing.headersSent) return false;
      outgoing.end(format.failed(problem));
      return true;
    },
  };
}
