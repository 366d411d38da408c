/** An OpenAI-compatible engine on a loopback port that does what a script says: answers, or fails in the ways engines fail. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

export type Behaviour =
  | ScriptedAnswer
  /** An answer that is none. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Cuts the connection before the head of an answer. */
  | { readonly kind: 'die' }
  /** A stream of just these bytes. */
  | { readonly kind: 'raw'; readonly body: string | Buffer }
  | { readonly kind: 'json'; readonly body: unknown };

export interface ScriptedAnswer {
  readonly kind: 'answer';
  /** One a chunk; default `0 1 2 …` up to the request's max_tokens. */
  readonly tokens?: readonly string[];
  readonly tokenMs?: number;
  /** Default the right one; null is none. */
  readonly usage?: object | null;
  readonly finishReason?: string;
  /** After this many tokens nothing more comes. */
  readonly hangAfter?: number;
  /** After this many tokens the connection breaks. */
  readonly dieAfter?: number;
  /** Without `data: [DONE]`. */
  readonly endsBare?: boolean;
}

export interface ScriptedUpstream {
  /** Up to and with /v1. */
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** Requests whose client went away before their answer had ended. */
  readonly cutOff: () => number;
  close(): Promise<void>;
}

/**
 * @param behave asked for each POST, with its number from 0
 * @param facts what a GET is answered with, by its path; undefined is 404. Default: one model is listed, whatever is asked
 */
export async function openScriptedUpstream(
  behave: (request: SeenRequest, at: number) => Behaviour = () => ({ kind: 'answer' }),
  facts: (path: string) => object | undefined = () => ({ object: 'list', data: [{ id: 'scripted' }] }),
): Promise<ScriptedUpstream> {
  const seen: SeenRequest[] = [];
  let [posts, cutOff] = [0, 0];
  const server = createServer((incoming, outgoing) => {
    outgoing.once('close', () => {
      if (!outgoing.writableEnded) cutOff++;
    });
    void readBody(incoming).then(async (text) => {
      const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
      const { method = '', url: path = '', headers } = incoming;
      const request = { method, path, headers, body };
      seen.push(request);
      if (method === 'POST') return act(behave(request, posts++), request, outgoing);
      const fact = facts(path);
      outgoing.writeHead(fact === undefined ? 404 : 200, { 'content-type': 'application/json' });
      return void outgoing.end(JSON.stringify(fact ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    seen,
    cutOff: () => cutOff,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

async function act(behaviour: Behaviour, request: SeenRequest, outgoing: ServerResponse): Promise<void> {
  switch (behaviour.kind) {
    case 'hang':
      return;
    case 'die':
      outgoing.destroy();
      return;
    case 'status':
      outgoing.writeHead(behaviour.status, { 'content-type': 'application/json', ...behaviour.headers });
      outgoing.end(behaviour.body ?? JSON.stringify({ error: { message: `status ${behaviour.status}` } }));
      return;
    case 'raw':
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
      outgoing.end(behaviour.body);
      return;
    case 'json':
      outgoing.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
      outgoing.end(JSON.stringify(behaviour.body));
      return;
    case 'answer':
      await answer(behaviour, request, outgoing);
  }
}

async function answer(script: ScriptedAnswer, { path, body }: SeenRequest, outgoing: ServerResponse): Promise<void> {
  const isChat = path.endsWith('/chat/completions');
  const maxTokens = Number(body['max_tokens'] ?? body['max_completion_tokens']);
  const choices = Number(body['n'] ?? 1);
  const tokens = script.tokens ?? Array.from({ length: Math.min(maxTokens, 100) }, (_, at) => `${at} `);
  const send = (chunk: object): boolean =>
    outgoing.write(`data: ${JSON.stringify({ id: 'x', model: 'there', ...chunk })}\n\n`);
  const choose = (index: number, text: string | undefined, finish: string | null): boolean => {
    const said = isChat ? { delta: text === undefined ? {} : { content: text } } : { text: text ?? '' };
    return send({ choices: [{ index, ...said, finish_reason: finish }] });
  };
  outgoing.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  outgoing.flushHeaders();
  for (const [at, token] of tokens.entries()) {
    if (script.hangAfter === at) return;
    if (script.dieAfter === at) {
      // after what was written has left
      await sleep(5);
      return void outgoing.destroy();
    }
    if (script.tokenMs !== undefined) await sleep(script.tokenMs);
    if (outgoing.destroyed) return;
    for (let index = 0; index < choices; index++) choose(index, token, null);
  }
  for (let index = 0; index < choices; index++) choose(index, undefined, script.finishReason ?? 'stop');
  const counted = { prompt_tokens: 7, completion_tokens: tokens.length * choices };
  if (script.usage !== null) send({ choices: [], usage: script.usage ?? counted });
  outgoing.end(script.endsBare === true ? '' : 'data: [DONE]\n\n');
}
