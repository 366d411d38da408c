/** HTTP to one target: kept-alive connections, guarded addresses, a time limit for each phase, and a stream of events. */
import { type ClientRequest, type IncomingMessage, Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { invariant, messageOf, systemCode } from '../../../base/errors.js';
import { type Resolve, guardedLookup, urlProblem } from './address-guard.js';
import { AttemptFailure, failureOf } from './attempt-failure.js';
import { drain, readEvents, readWhole } from './response-events.js';
import { startTimeLimits } from './time-limits.js';
import type { UpstreamTarget } from './upstream-file.js';

export interface UpstreamConnection {
  /**
   * Sends a request and waits for the head of its answer.
   * @param signal cuts the connection at once, also while the answer comes
   * @param form what is asked for. Default a stream of events; JSON comes as one event
   * @throws AttemptFailure
   */
  open(route: string, body: string, signal: AbortSignal, form?: AnswerForm): Promise<UpstreamStream>;
  /** Whether a GET is answered with 200. Never throws. @param route from its root; default the list of models */
  probe(route?: string): Promise<boolean>;
  /**
   * Asks the engine about itself, with its key. Its root is what stands before `/v1`.
   * @param body sent as JSON with POST; without one it is GET
   * @returns the JSON of an answer with 200 @throws AttemptFailure
   */
  ask(route: string, body?: object): Promise<unknown>;
  close(): void;
}

export interface UpstreamStream {
  /** The data of the next events, as many as came together; undefined at the end. @throws AttemptFailure */
  next(): Promise<readonly string[] | undefined>;
  /** A part of the answer came: the next may take as long as `idleTimeoutMs`. */
  progressed(): void;
  /** Must be called at the end. @param isWhole whether the last event came; then the connection is kept, else it is cut */
  close(isWhole: boolean): void;
}

export type AnswerForm = 'events' | 'json';
const MEDIA_TYPES: Readonly<Record<AnswerForm, string>> = { events: 'text/event-stream', json: 'application/json' };

/** Bounds. */
const MAX_ERROR_BYTES = 64 << 10;
const MAX_CONNECTIONS = 1024;
const PROBE_TIMEOUT_MS = 5_000;
/** Licences and lists of tensors are told too. */
const MAX_FACTS_BYTES = 4 << 20;

/** @param resolve of names; default the system's */
export function connectTo(target: UpstreamTarget, resolve?: Resolve): UpstreamConnection {
  // a bare address is never looked up, so it is judged here as it was when the file was read
  invariant(urlProblem(target.url, target.allowPrivate) === undefined, `${target.url} may not be asked`);
  const url = new URL(target.url);
  const isSecure = url.protocol === 'https:';
  const settings = {
    keepAlive: true,
    maxSockets: MAX_CONNECTIONS,
    scheduling: 'lifo' as const,
    lookup: guardedLookup(target.allowPrivate, resolve),
  };
  const agent = isSecure ? new HttpsAgent(settings) : new HttpAgent(settings);
  const base = url.pathname.replace(/\/+$/, '');
  const root = base.replace(/\/v1$/, '');
  const headers = {
    'user-agent': 'moat',
    ...(target.apiKey !== undefined && { authorization: `Bearer ${target.apiKey.reveal()}` }),
  };
  const { hostname, port } = urlToHttpOptions(url);
  const shared = { hostname, port, agent };
  const request = (method: string, path: string, more: Record<string, string | number>): ClientRequest =>
    (isSecure ? requestHttps : requestHttp)({ ...shared, method, path, headers: { ...headers, ...more } });
  const post = (route: string, body: string, form: AnswerForm): ClientRequest =>
    request('POST', base + route, {
      accept: MEDIA_TYPES[form],
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });

  return {
    async open(route, body, signal, form = 'events') {
      const exchange = (): Exchange => createExchange(target, post(route, body, form), { body, signal, form });
      const first = exchange();
      return first.opened.catch((error: unknown) => {
        // the engine closed a kept connection while this request was on its way
        if (!first.wasStale()) throw error;
        return exchange().opened;
      });
    },
    probe: (route) =>
      new Promise((resolve) => {
        const asked = request('GET', route === undefined ? `${base}/models` : root + route, {});
        const timer = setTimeout(() => asked.destroy(), PROBE_TIMEOUT_MS);
        const end = (isWell: boolean): void => {
          clearTimeout(timer);
          resolve(isWell);
        };
        asked.on('error', () => end(false));
        asked.once('response', (response) => {
          end(response.statusCode === 200);
          response.destroy();
        });
        asked.end();
      }),
    async ask(route, body) {
      const text = body === undefined ? '' : JSON.stringify(body);
      const json = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      return factsFrom(request(text === '' ? 'GET' : 'POST', root + route, text === '' ? {} : json), text, target);
    },
    close: () => agent.destroy(),
  };
}

/** One short answer, read whole within `PROBE_TIMEOUT_MS`. */
async function factsFrom(request: ClientRequest, body: string, target: UpstreamTarget): Promise<unknown> {
  const tooLate = new AttemptFailure('late', `no answer within ${PROBE_TIMEOUT_MS} ms`);
  const timer = setTimeout(() => request.destroy(tooLate), PROBE_TIMEOUT_MS);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.on('error', reject);
      request.end(body);
    });
    if (response.statusCode !== 200) throw await refusalIn(response, target, 'json');
    return JSON.parse(await bodyOf(response, MAX_FACTS_BYTES)) as unknown;
  } catch (error) {
    if (error instanceof AttemptFailure) throw error;
    if (error instanceof SyntaxError) throw new AttemptFailure('broken', 'what it says of itself is no JSON');
    throw new AttemptFailure('unavailable', systemCode(error) ?? messageOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** At most so much of it; the rest is not read. */
async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece);
    sizeBytes += piece.length;
    if (sizeBytes > maxBytes) break;
  }
  return Buffer.concat(pieces).toString('utf8');
}

interface Exchange {
  readonly opened: Promise<UpstreamStream>;
  wasStale(): boolean;
}

interface Sent {
  readonly body: string;
  readonly signal: AbortSignal;
  readonly form: AnswerForm;
}

function createExchange(target: UpstreamTarget, request: ClientRequest, { body, signal, form }: Sent): Exchange {
  let response: IncomingMessage | undefined;
  let reason: AttemptFailure | undefined;
  let isStale = false;
  let isWaiting = true;
  const cut = (why: AttemptFailure): void => {
    reason ??= why;
    (response ?? request).destroy(why);
  };
  const limits = startTimeLimits(target, () => isWaiting, cut);
  const leave = (): void => cut(new AttemptFailure('left', 'the customer went away'));
  const release = (): void => {
    limits.end();
    signal.removeEventListener('abort', leave);
  };
  const failureFrom = (error: unknown): AttemptFailure =>
    reason ??
    (error instanceof AttemptFailure
      ? error
      : new AttemptFailure('unavailable', systemCode(error) ?? messageOf(error), { cause: error }));
  watchConnecting(request, target.connectTimeoutMs, cut);

  const stream = (from: IncomingMessage): UpstreamStream => {
    const next = (form === 'events' ? readEvents : readWhole)(from, cut);
    return {
      async next() {
        isWaiting = true;
        try {
          return await next();
        } catch (error) {
          throw failureFrom(error);
        } finally {
          isWaiting = false;
        }
      },
      progressed: () => limits.progressed(),
      close(isWhole) {
        release();
        if (isWhole) drain(from);
        else from.destroy();
      },
    };
  };

  const opened = new Promise<UpstreamStream>((resolve, reject) => {
    const fail = (error: unknown): void => {
      release();
      reject(failureFrom(error));
    };
    request.on('error', (error) => {
      isStale = reason === undefined && response === undefined && request.reusedSocket && isReset(error);
      fail(error);
    });
    request.once('response', (head) => {
      response = head;
      if (isAnswer(head, form)) return resolve(stream(head));
      refusalIn(head, target, form).then(fail, fail);
    });
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    else request.end(body);
  });
  return { opened, wasStale: () => isStale };
}

const isReset = (error: unknown): boolean => ['ECONNRESET', 'EPIPE'].includes(systemCode(error) ?? '');

function watchConnecting(request: ClientRequest, ms: number, cut: (why: AttemptFailure) => void): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => cut(new AttemptFailure('late', `no connection within ${ms} ms`)), ms);
    const end = (): void => clearTimeout(timer);
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', end);
    socket.once('close', end);
  });
}

function isAnswer({ statusCode, headers }: IncomingMessage, form: AnswerForm): boolean {
  const encoding = headers['content-encoding'] ?? 'identity';
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';');
  return statusCode === 200 && mediaType.trim().toLowerCase() === MEDIA_TYPES[form] && encoding === 'identity';
}

async function refusalIn(response: IncomingMessage, target: UpstreamTarget, form: AnswerForm): Promise<AttemptFailure> {
  const body = await bodyOf(response, MAX_ERROR_BYTES);
  const { statusCode = 0, headers } = response;
  if (statusCode === 200) return new AttemptFailure('broken', `its answer is no ${MEDIA_TYPES[form]}`);
  return failureOf({
    status: statusCode,
    retryAfter: headers['retry-after'],
    date: headers.date,
    body,
    hidden: hiddenOf(target),
  });
}

/** What of a target no customer may read. */
export const hiddenOf = ({ apiKey, url, model }: UpstreamTarget): string[] => [
  apiKey?.reveal() ?? '',
  new URL(url).host,
  new URL(url).hostname,
  model,
];
