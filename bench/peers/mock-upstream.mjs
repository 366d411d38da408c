/**
 * The engine behind the gateways of the benchmark: a bare `node:http` server that answers every chat at once, or streams it
 * (`stream: true`) with tokens at a pace, each carrying the moment it was due. Arguments: port, tokens a second (Infinity: all at once).
 */
import { createServer } from 'node:http';

const TOKEN_MS = 1000 / Number(process.argv[3]);
const usage = { prompt_tokens: 12, completion_tokens: 8, total_tokens: 20 };
const base = { id: 'chatcmpl-0', created: 1_700_000_000, model: 'mock' };
const message = { role: 'assistant', content: '0 1 2 3 4 5 6 7 ' };
const whole = JSON.stringify({
  ...base,
  object: 'chat.completion',
  choices: [{ index: 0, message, finish_reason: 'length', logprobs: null }],
  usage,
});

/** @param {object} more @param {object[]} choices */
const event = (more, choices) =>
  `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', ...more, choices })}\n\n`;

/** @param {import('node:http').ServerResponse} outgoing @param {number} maxTokens */
function stream(outgoing, maxTokens) {
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
  outgoing.write(event({}, [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }]));
  const started = performance.timeOrigin + performance.now();
  let made = 0;
  if (TOKEN_MS === 0) outgoing.cork();
  let dueMs = started;
  const waitForNext = () => {
    dueMs += TOKEN_MS;
    if (TOKEN_MS === 0) next();
    else setTimeout(next, Math.max(0, dueMs - performance.timeOrigin - performance.now()));
  };
  const next = () => {
    if (outgoing.destroyed) return;
    outgoing.write(event({}, [{ index: 0, delta: { content: `${dueMs.toFixed(3)} ` }, finish_reason: null }]));
    if (++made < maxTokens) return waitForNext();
    outgoing.write(event({}, [{ index: 0, delta: {}, finish_reason: 'length' }]));
    const counted = { prompt_tokens: 12, completion_tokens: maxTokens, total_tokens: 12 + maxTokens };
    outgoing.end(`${event({ usage: counted }, [])}data: [DONE]\n\n`);
  };
  waitForNext();
}

const server = createServer((incoming, outgoing) => {
  /** @type {Buffer[]} */
  const chunks = [];
  incoming.on('data', (chunk) => chunks.push(chunk));
  incoming.once('end', () => {
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}');
    if (body.stream === true) return stream(outgoing, body.max_completion_tokens ?? body.max_tokens ?? 8);
    outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length });
    outgoing.end(whole);
  });
});
server.keepAliveTimeout = 600_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
