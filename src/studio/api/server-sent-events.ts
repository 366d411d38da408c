/** Reads `text/event-stream` from a fetch (EventSource cannot send an Authorization header). */
export interface ServerMessage {
  /** The last id seen, '' before the first. */
  readonly id: string;
  readonly data: string;
}

const MAX_LINE_CHARACTERS = 1_000_000;

/**
 * The messages of a stream in order, whatever way the bytes were cut. A message the stream ends in the middle of is
 * dropped, as the standard says. Comments are not messages, but `onBytes` hears of every arrival.
 * @throws RangeError when a line outgrows 1,000,000 characters
 */
export async function* readMessages(
  stream: ReadableStream<Uint8Array>,
  onBytes: () => void = () => undefined,
): AsyncGenerator<ServerMessage, void, undefined> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const assembler = createAssembler();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_CHARACTERS) throw new RangeError('a line of the event stream is too long');
      for (const line of lines) {
        const message = assembler(line);
        if (message !== undefined) yield message;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Takes a line at a time; returns a message at the blank line that ends one. */
function createAssembler(): (line: string) => ServerMessage | undefined {
  let id = '';
  let data: string[] = [];
  return (line) => {
    if (line === '') {
      const message = data.length === 0 ? undefined : { id, data: data.join('\n') };
      data = [];
      return message;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'id') id = value;
    return undefined;
  };
}
