import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readMessages, type ServerMessage } from './server-sent-events.js';

function streamOf(chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function read(chunks: Uint8Array[]): Promise<ServerMessage[]> {
  const messages: ServerMessage[] = [];
  for await (const message of readMessages(streamOf(chunks))) messages.push(message);
  return messages;
}

const TEXT =
  ': hello\n\nid: 7\ndata: {"a":"词元 — é"}\n\ndata:one\r\ndata: two\r\n\r\nevent: x\n\nid: 8\ndata: last\n\ndata: torn';
const EXPECTED: ServerMessage[] = [
  { id: '7', data: '{"a":"词元 — é"}' },
  { id: '7', data: 'one\ntwo' },
  { id: '8', data: 'last' },
];

it('reads the same messages however the bytes are cut, and drops a torn one', async () => {
  const bytes = new TextEncoder().encode(TEXT);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const chunks = edges.slice(1).map((edge, index) => bytes.slice(edges[index], edge));
      expect(await read(chunks)).toEqual(EXPECTED);
    }),
  );
});

it('refuses a line without end', async () => {
  const long = new TextEncoder().encode(`data: ${'x'.repeat(600_000)}`);
  await expect(read([long, long])).rejects.toThrow(/too long/);
});
