/** The reader of the group `streaming`, in a process of its own: many streams at once, each token held against the moment it was due. */
import { once } from 'node:events';
import { answerQuestions } from './child.js';
import { type WireRequest, openSocket, requestBytes } from './wire-client.js';

export interface StreamingLoad extends WireRequest {
  readonly streams: number;
  readonly tokensPerStream: number;
}

export interface StreamingAnswer {
  /** Milliseconds of every token of every stream. */
  readonly delaysMs: readonly number[];
  readonly elapsedMs: number;
}

/** @throws when a stream has not the tokens it was asked for */
async function readStreams(load: StreamingLoad): Promise<StreamingAnswer> {
  const started = performance.now();
  const streams = await Promise.all(Array.from({ length: load.streams }, () => readStream(load)));
  return { delaysMs: streams.flat(), elapsedMs: performance.now() - started };
}

async function readStream(load: StreamingLoad): Promise<number[]> {
  const socket = await openSocket(load.port);
  const delaysMs: number[] = [];
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    const receivedAt = performance.timeOrigin + performance.now();
    const text = rest + chunk;
    let from = 0;
    for (const match of text.matchAll(/"content":"(\d+\.\d+) "/g)) {
      delaysMs.push(receivedAt - Number(match[1]));
      from = match.index + match[0].length;
    }
    rest = text.slice(from);
    if (rest.includes('data: [DONE]')) socket.end();
  });
  socket.write(requestBytes(load));
  await once(socket, 'close');
  if (delaysMs.length === load.tokensPerStream) return delaysMs;
  throw new Error(`a stream had ${delaysMs.length} tokens of ${load.tokensPerStream}: ${rest.slice(0, 300)}`);
}

answerQuestions(readStreams);
