/**
 * What happened, a line of JSON each: answers, refusals, problems. The records have no place for a prompt, an answer, a header or a key,
 * and only their named fields are written, so that nothing has to be blacked out afterwards.
 */
import { once } from 'node:events';
import { type DestinationStream, type Logger, destination, pino } from 'pino';
import type { Clock } from '../../base/clock.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { hideKeys } from '../billing/api-key.js';
import type { RequestObserver } from './metered.js';

export interface RequestLog extends RequestObserver {
  /** What went wrong inside, with its stack and its causes. */
  problem(error: unknown): void;
  /** Resolves when every line is written. Safe to repeat. */
  close(): Promise<void>;
}

export interface RequestLogOptions {
  /** `info` writes every line, `warn` what the server could not do, `error` problems alone. */
  readonly level: 'info' | 'warn' | 'error';
  /** A file that lines are appended to; default the standard output. */
  readonly file?: string;
  readonly clock: Clock;
}

/** Lines wait in memory while the disk or the reader of a pipe is slow; beyond this they are dropped and counted, and requests go on. */
const MAX_WAITING_BYTES = 8 << 20;
const MAX_STACK_CHARACTERS = 8000;
const MAX_CAUSES = 5;

/** For a gateway that keeps no log. */
export const NO_LOG: RequestLog = {
  answered: () => undefined,
  refused: () => undefined,
  problem: () => undefined,
  close: async () => undefined,
};

/** @throws MoatError `log-not-writable` */
export async function openRequestLog({ level, file, clock }: RequestLogOptions): Promise<RequestLog> {
  const stream = destination({ dest: file ?? 1, sync: false, mkdir: true, maxLength: MAX_WAITING_BYTES });
  await opened(stream, file);
  const log = pino(
    {
      level,
      // neither process nor host: whoever collects the lines knows
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return { ...writeTo(log), close: closerOf(stream, log) };
}

type Destination = DestinationStream & ReturnType<typeof destination>;

async function opened(stream: Destination, file: string | undefined): Promise<void> {
  if (file === undefined) return;
  try {
    await once(stream, 'ready');
  } catch (error) {
    throw new MoatError('log-not-writable', `${file}: the log cannot be written (${systemCode(error) ?? 'unknown'})`, {
      fix: 'Name a file in a folder that this user may write to.',
      cause: error,
    });
  }
}

/** Tells how many lines were dropped once there is room again. */
function closerOf(stream: Destination, log: Logger): () => Promise<void> {
  let dropped = 0;
  const tell = (): void => {
    if (dropped > 0) log.warn({ event: 'lines_dropped', lines: dropped });
    dropped = 0;
  };
  stream.on('drop', () => void dropped++);
  stream.on('drain', tell);
  // A full disk must not end the server: what waits is tried again with the next line, within the bound.
  stream.on('error', () => undefined);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    tell();
    const ended = Promise.race([once(stream, 'close'), once(stream, 'error')]);
    stream.end();
    await ended.catch(() => undefined);
  };
  return () => (closing ??= close());
}

function writeTo(log: Logger): Omit<RequestLog, 'close'> {
  return {
    answered(request) {
      const { usage, settlement } = request;
      const line = {
        event: 'request',
        request_id: request.requestId,
        trace_id: request.traceId,
        scope: request.scope,
        model: request.model,
        customer_id: request.customerId,
        key_id: request.keyId ?? undefined,
        outcome: usage.status,
        // disjoint, as in the books
        input_tokens: usage.inputTokens - usage.cachedTokens,
        cached_input_tokens: usage.cachedTokens,
        output_tokens: usage.outputTokens - usage.reasoningTokens,
        reasoning_tokens: usage.reasoningTokens,
        charged_micros: settlement.chargedMicros.toString(),
        admission_ms: milliseconds(request.admissionSeconds),
        first_text_ms: milliseconds(request.firstTextSeconds),
        total_ms: milliseconds(request.admissionSeconds + request.seconds),
      };
      log[usage.status === 'failed' ? 'warn' : 'info'](line);
    },
    refused({ status, code }, route) {
      // A customer's mistake is no warning; what the server had no room or no strength for is.
      const level = status >= 500 || code === 'queue_full' ? 'warn' : 'info';
      log[level]({ event: 'refusal', route, status, code });
    },
    problem: (error) => log.error({ event: 'problem', ...describedWithCauses(error) }),
  };
}

/** To the microsecond. */
const milliseconds = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : Math.round(seconds * 1e6) / 1000;

interface DescribedError {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
}

/** Name, message and stack alone: other properties of an error may be a query with its values, or the headers of a request. */
function describedWithCauses(error: unknown): DescribedError & { readonly causes: readonly DescribedError[] } {
  const causes: DescribedError[] = [];
  for (let cause = causeOf(error); cause !== undefined && causes.length < MAX_CAUSES; cause = causeOf(cause))
    causes.push(described(cause));
  return { ...described(error), causes };
}

const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined);

function described(error: unknown): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: hideKeys(String(error)) };
  const stack = (error.stack ?? '').slice(0, MAX_STACK_CHARACTERS);
  return { type: error.name, message: hideKeys(error.message), stack: hideKeys(stack) };
}
