/** One request to one target, from the first byte sent to the last part read. */
import type { AnswerPart } from '../backend.js';
import { type AnswerReader, type Tally, createAnswerReader } from './answer-reader.js';
import { AttemptFailure, failureOf, isRecord, toFailure } from './attempt-failure.js';
import type { PooledTarget } from './target-pool.js';
import { type UpstreamStream, hiddenOf } from './upstream-connection.js';
import type { UpstreamModel, UpstreamTarget } from './upstream-file.js';
import { type UpstreamRequest, bodyFor } from './upstream-request.js';

export interface Attempt {
  /** Host and model of the target. */
  readonly label: string;
  readonly target: UpstreamTarget;
  /** Of the parts that `next` gave. */
  readonly tally: Readonly<Tally>;
  /** @returns undefined when the answer is whole @throws AttemptFailure */
  next(): Promise<AnswerPart | undefined>;
  /** Must be called at the end: cuts the connection where the answer is not whole. */
  close(): void;
}

/** @returns undefined where the target may not be asked now */
export function createAttempt(
  pooled: PooledTarget,
  model: UpstreamModel,
  request: UpstreamRequest,
  signal: AbortSignal,
): Attempt | undefined {
  const { connection, target, label } = pooled;
  const tell = pooled.enter();
  if (tell === undefined) return undefined;
  const { read, tally } = readerFor(model, request, target);
  let stream: UpstreamStream | undefined;
  let events: readonly string[] = [];
  let at = 0;
  let parts: Generator<AnswerPart, void> | undefined;
  let isWhole = false;
  let failure: AttemptFailure | undefined;

  const advance = async (): Promise<AnswerPart | undefined> => {
    stream ??= await connection.open(request.route, bodyFor(request, target), signal);
    for (;;) {
      const part = parts?.next().value;
      if (part !== undefined) {
        stream.progressed();
        return part;
      }
      if (tally.isEnded) break;
      if (signal.aborted) throw new AttemptFailure('left', 'the customer went away');
      if (at === events.length) {
        const more = await stream.next();
        if (more === undefined) break;
        [events, at] = [more, 0];
      }
      parts = read(events[at++] as string);
    }
    if (tally.ends.includes(undefined)) throw new AttemptFailure('broken', 'its answer ended too early');
    isWhole = true;
    return undefined;
  };

  return {
    label,
    target,
    tally,
    async next() {
      try {
        return await advance();
      } catch (error) {
        failure = toFailure(error);
        throw failure;
      }
    },
    close() {
      stream?.close(tally.isEnded && !tally.isOver);
      tell(isWhole ? 'success' : failure?.isOfTarget === true ? 'failure' : 'neither', failure);
    },
  };
}

function readerFor({ tokenizer }: UpstreamModel, request: UpstreamRequest, target: UpstreamTarget): AnswerReader {
  return createAnswerReader({
    form: request.form,
    choices: request.choices,
    maxOutputTokens: request.maxTokens * request.choices,
    encode: tokenizer?.encode,
    failureIn: (error) => {
      const status = isRecord(error) ? Number(error['code'] ?? error['status']) : NaN;
      const body = JSON.stringify({ error });
      return failureOf({
        status: status >= 400 ? status : 500,
        retryAfter: undefined,
        date: undefined,
        body,
        hidden: hiddenOf(target),
      });
    },
  });
}
