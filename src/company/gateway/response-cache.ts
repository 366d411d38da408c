/**
 * Answers kept for requests that would get the same one again: those that draw nothing (`temperature` 0) or draw with a seed. Shared
 * within one customer only, so that nobody can measure by the clock what others asked. A kept answer is metered like any other:
 * its prompt as cached input, its output as it is, and no engine time.
 */
import type { Clock } from '../../base/clock.js';
import { fingerprintOf } from '../billing/request-fingerprint.js';
import type { AnswerDone, AnswerPart, Backend, PreparedAnswer } from './backend.js';
import type { ChatBody, TextBody } from './completion-request.js';

export interface ResponseCacheOptions {
  /** Text and structure of all kept answers together, about. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly clock: Pick<Clock, 'monotonic'>;
}

interface Kept {
  readonly parts: readonly AnswerPart[];
  readonly done: AnswerDone;
  readonly bytes: number;
  readonly untilMs: number;
}

/** One store for all models of a gateway. */
export interface ResponseCache {
  /** The same model, asked only for what is not kept. What another one under its name answered is none of its answers. */
  over(backend: Backend): Backend;
}

/** What changes how an answer is sent or filed, and not the answer. */
const NOT_PART_OF_IT = new Set(['stream', 'stream_options', 'user', 'metadata', 'store', 'safety_identifier']);
/** Of a part beside its text: about what its object takes. */
const PART_BYTES = 100;

export function createResponseCache({ maxBytes, maxAgeMs, clock }: ResponseCacheOptions): ResponseCache {
  const kept = new Map<string, Kept>();
  let bytes = 0;
  let backends = 0;
  const forget = (key: string): void => {
    bytes -= kept.get(key)?.bytes ?? 0;
    kept.delete(key);
  };
  const find = (key: string): Kept | undefined => {
    const found = kept.get(key);
    if (found === undefined) return undefined;
    forget(key);
    if (found.untilMs <= clock.monotonic()) return undefined;
    put(key, found);
    return found;
  };
  const put = (key: string, answer: Kept): void => {
    forget(key);
    if (answer.bytes > maxBytes) return;
    kept.set(key, answer);
    bytes += answer.bytes;
    for (const oldest of kept.keys()) {
      if (bytes <= maxBytes) break;
      forget(oldest);
    }
  };
  const cached = (owner: number, body: ChatBody | TextBody, prepared: PreparedAnswer): PreparedAnswer => {
    if (body.temperature !== 0 && body.seed == null) return prepared;
    const fingerprint = answerOf(body);
    return {
      ...prepared,
      async *run(scope, signal) {
        const key = `${owner} ${scope} ${fingerprint}`;
        const found = find(key);
        if (found !== undefined) {
          yield* found.parts;
          yield { ...found.done, cachedTokens: found.done.inputTokens, computeMs: 0 };
          return;
        }
        const parts: AnswerPart[] = [];
        for await (const event of prepared.run(scope, signal)) {
          if (event.type === 'part') parts.push(event);
          else if (!event.finishReasons.includes('aborted'))
            put(key, { parts, done: event, bytes: sizeOf(parts), untilMs: clock.monotonic() + maxAgeMs });
          yield event;
        }
      },
    };
  };
  return {
    over(backend) {
      const owner = ++backends;
      return {
        ...backend,
        prepareChat: (body) => cached(owner, body, backend.prepareChat(body)),
        prepareText: (body) => cached(owner, body, backend.prepareText(body)),
      };
    },
  };
}

const sizeOf = (parts: readonly AnswerPart[]): number =>
  parts.reduce((sum, part) => sum + PART_BYTES + 2 * JSON.stringify(part).length, 0);

/** Equal for bodies that differ only in the order of their fields and in what is not part of the answer. */
function answerOf(body: ChatBody | TextBody): string {
  const fields = Object.entries(body).filter(([name]) => !NOT_PART_OF_IT.has(name));
  return fingerprintOf('', '', Object.fromEntries(fields));
}
