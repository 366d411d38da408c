/**
 * `Idempotency-Key`: the first request with a key is answered, and its answer kept; a repeat gets the same bytes. With a key an
 * answer is finished also when its reader leaves, because he will ask for it again.
 */
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Payer } from '../billing/admission.js';
import { type Claim, type Idempotency, type KeptAnswer, KEPT_BYTES, isIdempotencyKey } from '../billing/idempotency.js';
import { fingerprintOf } from '../billing/request-fingerprint.js';
import type { AnswerTarget } from './answer-target.js';
import { ApiProblem, invalidKey, toApiProblem } from './api-problem.js';
import type { MeteredContext } from './metered.js';

/** @param requestId undefined: a new one. @returns the error that a stream ended with @throws ApiProblem */
export type Serve = (target: AnswerTarget, requestId: string | undefined) => Promise<ApiProblem | undefined | void>;

export interface OnceContext extends Pick<MeteredContext, 'limiter' | 'keyLimits'> {
  readonly idempotency: Idempotency;
  onProblem(error: unknown): void;
}

/** @throws ApiProblem 400 `invalid_value`, `idempotency_mismatch`, 409 `idempotency_in_progress`, `idempotency_not_kept` */
export async function answerOnce(
  context: OnceContext,
  { incoming, outgoing }: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse },
  { payer, body }: { readonly payer: Payer; readonly body: unknown },
  serve: Serve,
): Promise<void> {
  const key = incoming.headers['idempotency-key'];
  if (key === undefined || payer === 'internal') {
    await serve(outgoing, undefined);
    return;
  }
  if (typeof key !== 'string' || !isIdempotencyKey(key)) throw badKey();
  const result = await context.idempotency.begin({
    keyHash: payer.keyHash,
    key,
    fingerprint: fingerprint(incoming, body),
  });
  if (result.outcome === 'claimed') return answerAndKeep(context, result, outgoing, serve);
  await countRepeat(context, payer.keyHash);
  switch (result.outcome) {
    case 'replay':
      return replay(result.answer, outgoing);
    case 'unknown-key':
      throw invalidKey();
    case 'in-progress':
      throw inProgress();
    case 'mismatch':
      throw mismatch();
    case 'not-kept':
      throw notKept();
  }
}

/** A repeat is free, and a request all the same. @throws ApiProblem 429 */
async function countRepeat({ limiter, keyLimits }: OnceContext, keyHash: string): Promise<void> {
  const limits = await keyLimits.of(keyHash, '');
  if (limits !== undefined) (await limiter.take(limits, 0)).end();
}

function fingerprint({ method = '', url = '' }: IncomingMessage, body: unknown): string {
  try {
    return fingerprintOf(method, url, body);
  } catch (cause) {
    throw new ApiProblem(400, 'invalid_json', 'The request body is nested too deeply.', { cause });
  }
}

const header = 'Idempotency-Key';
const badKey = (): ApiProblem =>
  new ApiProblem(400, 'invalid_value', `${header}: 1 to 255 printable ASCII characters are needed.`, { param: header });
const inProgress = (): ApiProblem =>
  new ApiProblem(409, 'idempotency_in_progress', `The first request with this ${header} is being answered now.`, {
    param: header,
    retryAfterSeconds: 1,
  });
const mismatch = (): ApiProblem =>
  new ApiProblem(400, 'idempotency_mismatch', `This ${header} was used with other parameters. Use a new one.`, {
    param: header,
  });
const notKept = (): ApiProblem =>
  new ApiProblem(
    409,
    'idempotency_not_kept',
    `The request with this ${header} was answered and charged; its answer is larger than ${KEPT_BYTES} bytes and was not kept.`,
    { param: header },
  );

function replay({ status, headers, body }: KeptAnswer, outgoing: ServerResponse): void {
  outgoing.writeHead(status, { ...headers, 'idempotent-replayed': 'true' });
  outgoing.end(body);
}

async function answerAndKeep(
  { idempotency, onProblem }: OnceContext,
  claim: Claim,
  outgoing: ServerResponse,
  serve: Serve,
): Promise<void> {
  const target = new KeptTarget(outgoing);
  const served = await serve(target, claim.requestId).then(
    (problem) => ({ isThrown: false, problem: problem ?? undefined, answer: target.kept() }),
    (error: unknown) => {
      const problem = toApiProblem(error);
      return { isThrown: true, problem, answer: answerOf(problem) };
    },
  );
  // Where this fails, the lease ends and the next one answers under the same request id.
  await end(idempotency, claim, served.problem, served.answer).catch(onProblem);
  if (served.isThrown) throw served.problem;
}

const answerOf = ({ status, body }: ApiProblem): KeptAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(body)),
});

const MAY_BE_CHARGED = new Set(['shutting_down', 'settlement_delayed', 'settlement_unknown']);

/** What becomes of the claim: only what was settled is kept. */
async function end(
  idempotency: Idempotency,
  claim: Claim,
  problem: ApiProblem | undefined,
  answer: KeptAnswer,
): Promise<void> {
  // Cut off after the longest that an answer may take, and charged.
  if (problem === undefined || problem.code === 'answer_timeout') await idempotency.finish(claim, answer);
  // The server's doing: he gets a whole answer next time, under the one charge that there is or may be.
  else if (MAY_BE_CHARGED.has(problem.code)) await idempotency.abandon(claim);
  else await idempotency.free(claim);
}

/** Passes an answer on and keeps what it passes; a reader who leaves does not end it. */
class KeptTarget extends EventEmitter implements AnswerTarget {
  readonly destroyed = false;
  headersSent = false;
  readonly #outgoing: ServerResponse;
  readonly #pieces: string[] = [];
  #length = 0;
  #status = 0;
  #headers: Readonly<Record<string, string>> = {};

  constructor(outgoing: ServerResponse) {
    super();
    this.#outgoing = outgoing;
    // Whoever waits for a reader that is gone goes on.
    for (const event of ['drain', 'close']) outgoing.on(event, () => this.emit('drain'));
  }

  writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    this.headersSent = true;
    this.#status = status;
    this.#headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-ratelimit-')));
    if (!this.#outgoing.destroyed) this.#outgoing.writeHead(status, headers);
  }

  write(text: string): boolean {
    this.#keep(text);
    return this.#outgoing.destroyed || this.#outgoing.write(text);
  }

  end(text: string): void {
    this.#keep(text);
    if (!this.#outgoing.destroyed) this.#outgoing.end(text);
  }

  kept(): KeptAnswer {
    return { status: this.#status, headers: this.#headers, body: Buffer.from(this.#pieces.join('')) };
  }

  /** One piece beyond the limit is enough to know that it is not kept. */
  #keep(text: string): void {
    if (this.#length > KEPT_BYTES) return;
    this.#pieces.push(text);
    this.#length += Buffer.byteLength(text);
  }
}
