import { createReadStream } from 'node:fs';
import { ReadableStream } from 'node:stream/web';
import { createTarDecoder } from 'modern-tar';
import { type Container, type ContainerEntry, ContainerError, isPassedOver, refuseName } from './container.js';

const MAGIC_AT = 257;
const LINKS: readonly string[] = ['link', 'symlink'];

/** Archives of tar, by POSIX (ustar, pax) and by GNU. */
export const tar: Container = {
  name: 'tar',
  hasSignature: (head) => head.toString('latin1', MAGIC_AT, MAGIC_AT + 5) === 'ustar',
  async *entries(file) {
    const source = createReadStream(file.path);
    // for await ends the source too when the reader of the entries stops early
    const entries = ReadableStream.from<Uint8Array>(source).pipeThrough(createTarDecoder({ strict: true }));
    try {
      for await (const { header, body } of entries) {
        const entry = entryOf(header.name, header.type ?? 'file', body as ReadableStream<Uint8Array>);
        if (entry !== undefined) yield entry;
        await drain(body as ReadableStream<Uint8Array>);
      }
    } catch (error) {
      if (error instanceof ContainerError) throw error;
      throw damaged(error);
    } finally {
      source.destroy();
    }
  },
};

function entryOf(name: string, type: string, body: ReadableStream<Uint8Array>): ContainerEntry | undefined {
  if (isPassedOver(name)) return undefined;
  if (LINKS.includes(type)) {
    return { kind: 'refused', name, reason: 'symbolic-link', detail: 'links are not followed' };
  }
  if (type !== 'file') return undefined;
  return refuseName(name) ?? { kind: 'file', name, bytes: body };
}

/** Reads past what nobody took. Cancelling would do, but for bodies that are longer than what waits in the decoder. */
async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  if (body.locked) return;
  const reader = body.getReader();
  while (!(await reader.read()).done);
}

function damaged(cause: unknown): ContainerError {
  return new ContainerError('damaged', 'is cut off or damaged', { cause });
}
