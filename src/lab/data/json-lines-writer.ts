import type { FileHandle } from 'node:fs/promises';

/** Written out when this much is waiting. */
const BUFFER_CHARACTERS = 1 << 20;

export interface JsonLinesWriter {
  write(record: object): Promise<void>;
  /** Writes what is waiting; the handle stays open. */
  flush(): Promise<void>;
}

/** One JSON object a line, buffered. */
export function createJsonLinesWriter(handle: FileHandle): JsonLinesWriter {
  let waiting: string[] = [];
  let length = 0;
  const flush = async (): Promise<void> => {
    if (length > 0) await handle.appendFile(waiting.join(''));
    waiting = [];
    length = 0;
  };
  return {
    async write(record) {
      const line = `${JSON.stringify(record)}\n`;
      waiting.push(line);
      length += line.length;
      if (length >= BUFFER_CHARACTERS) await flush();
    },
    flush,
  };
}
