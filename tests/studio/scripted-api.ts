/**
 * A test double of the gateway for the studio's tests and pictures: serves the built studio and an `/api` that says
 * what the script tells it to. It measures nothing; its figures are invented and belong to no model.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from '../../src/base/run-events.js';
import { addEvent, emptyHistory } from '../../src/base/run-history.js';
import { permissionsOf } from '../../src/company/access/permissions.js';
import type { CustomerSummary, Overview, RunSummary, SessionInfo } from '../../src/company/gateway/api-types.js';

const STUDIO = fileURLToPath(new URL('../../dist/studio', import.meta.url));
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export const TOKEN = 'scripted-token';

const OWNER: SessionInfo = {
  user: null,
  name: 'studio token',
  role: 'owner',
  permissions: permissionsOf('owner'),
  csrfToken: null,
};

export interface Script {
  overview: Overview | 'fail';
  runs: RunSummary[];
  customers: CustomerSummary[];
  events: RunEvent[];
  /** Words of the playground's answer, one a chunk. */
  answer: string[];
  /** Pause between chunks. */
  chunkMs: number;
}

export interface ScriptedApi {
  readonly url: string;
  readonly script: Script;
  /** Appends a run event and wakes the streams. */
  emit(event: RunEvent): void;
  /** Cuts every open event stream, as a restarting server does. */
  cutStreams(): void;
  /** The `from=` of every event stream opened so far. */
  readonly streamStarts: number[];
  /** Bodies sent to the playground. */
  readonly questions: { model: string; messages?: unknown[]; prompt?: string; seed?: number }[];
  /** Answers whose client left before the end. */
  abortedAnswers(): number;
  close(): Promise<void>;
}

export async function startScriptedApi(script: Script): Promise<ScriptedApi> {
  const streams = new Set<{ response: ServerResponse; next: number }>();
  const streamStarts: number[] = [];
  const questions: ScriptedApi['questions'] = [];
  let aborted = 0;
  const flush = (): void => {
    for (const stream of streams) {
      for (; stream.next < script.events.length; stream.next++) {
        stream.response.write(`id: ${stream.next}\ndata: ${JSON.stringify(script.events[stream.next])}\n\n`);
      }
    }
  };
  const api = async (url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (url.pathname === '/api/login') return json(response, 200, { password: true, oidc: false, signedIn: false });
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      return json(response, 401, {
        error: { message: 'Wrong token.', type: 'auth', code: 'invalid_token', param: null },
      });
    }
    if (url.pathname === '/api/session') return json(response, 200, OWNER);
    if (url.pathname === '/api/runs') return json(response, 200, { runs: script.runs });
    if (url.pathname === '/api/customers') return json(response, 200, { customers: script.customers });
    if (url.pathname === '/api/overview') {
      const failure = { message: 'The database does not answer.', type: 'server', code: 'database-down', param: null };
      return script.overview === 'fail'
        ? json(response, 503, { error: failure })
        : json(response, 200, script.overview);
    }
    if (url.pathname.endsWith('/curve')) {
      const history = emptyHistory();
      for (const event of script.events) addEvent(history, event);
      return json(response, 200, { name: 'scripted', history, nextLine: script.events.length });
    }
    if (url.pathname.endsWith('/events')) {
      const stream = { response, next: Number(url.searchParams.get('from') ?? 0) };
      streamStarts.push(stream.next);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': following\n\n');
      streams.add(stream);
      response.on('close', () => streams.delete(stream));
      return flush();
    }
    if (url.pathname === '/api/playground') {
      questions.push(JSON.parse(await bodyOf(request)) as ScriptedApi['questions'][number]);
      if (!(await answer(script, questions.at(-1)?.prompt !== undefined, response))) aborted++;
      return undefined;
    }
    return json(response, 404, { error: { message: 'No such route.', type: 'x', code: 'unknown_url', param: null } });
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    void (url.pathname.startsWith('/api/') ? api(url, request, response) : file(url.pathname, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    script,
    streamStarts,
    questions,
    emit(event) {
      script.events.push(event);
      flush();
    },
    cutStreams: () => streams.forEach(({ response }) => response.destroy()),
    abortedAnswers: () => aborted,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** OpenAI's chunks; returns whether the client stayed to the end. */
async function answer(script: Script, completion: boolean, response: ServerResponse): Promise<boolean> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const text of script.answer) {
    if (response.destroyed) return false;
    const choice = completion ? { text, finish_reason: null } : { delta: { content: text }, finish_reason: null };
    response.write(`data: ${JSON.stringify({ choices: [choice] })}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, script.chunkMs));
  }
  response.write(`data: ${JSON.stringify({ choices: [{ delta: {}, text: '', finish_reason: 'stop' }] })}\n\n`);
  const usage = { prompt_tokens: 14, completion_tokens: script.answer.length };
  response.write(`data: ${JSON.stringify({ choices: [], usage })}\n\n`);
  response.end('data: [DONE]\n\n');
  return true;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function file(pathname: string, response: ServerResponse): Promise<void> {
  const isPage = path.extname(pathname) === '';
  const name = path.join(STUDIO, isPage ? 'index.html' : path.normalize(pathname));
  const content = name.startsWith(STUDIO) ? await readFile(name).catch(() => undefined) : undefined;
  response.writeHead(content === undefined ? 404 : 200, {
    'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream',
    'content-security-policy': "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
  });
  response.end(content);
}
