import { open } from 'node:fs/promises';
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { messageOf, MoatError } from '../../../base/errors.js';
import type { BinaryFormat, OpenedFile, Passage, ReadOptions } from '../format-reader.js';
import { passageOfRecord } from './record-passage.js';
import { fieldsRead, whyNoText } from './record-shapes.js';

/**
 * Apache Parquet (https://parquet.apache.org/docs/file-format): one document a row, its columns the fields of the record.
 * Only the columns that may hold the text are read, a row group at a time. A row group that cannot be read is dropped, or
 * refused when `strict`.
 */
export const parquet: BinaryFormat = {
  name: 'parquet',
  content: 'binary',
  extensions: ['.parquet'],
  hasSignature: (head) => /^PAR[1E]/.test(head.toString('latin1', 0, 4)),
  read: readParquet,
};

/** Of the footer, which describes every column of every row group. */
const MAX_METADATA_BYTES = 64 << 20;
/** Of the columns that are read, unpacked: a row group is in memory as a whole. */
const MAX_ROW_GROUP_BYTES = 512 << 20;

async function* readParquet(file: OpenedFile, options: ReadOptions): AsyncGenerator<Passage> {
  const handle = await open(file.path, 'r');
  try {
    const buffer: AsyncBuffer = {
      byteLength: file.sizeBytes,
      async slice(start, end = file.sizeBytes) {
        const bytes = new Uint8Array(Math.max(0, end - start));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
        if (bytesRead < bytes.length) throw new Error('the file ends before its data');
        return bytes.buffer;
      },
    };
    const metadata = await metadataOf(buffer);
    if (typeof metadata === 'string') yield bad(file.origin, 1, metadata, options);
    else yield* readRowGroups(buffer, metadata, file.origin, options);
  } finally {
    await handle.close();
  }
}

/** What the footer says, or what is wrong with it. */
async function metadataOf(buffer: AsyncBuffer): Promise<FileMetaData | string> {
  if (buffer.byteLength < 12) return 'the file is cut off';
  const tail = Buffer.from(await buffer.slice(buffer.byteLength - 8));
  const mark = tail.toString('latin1', 4);
  if (mark === 'PARE') return 'it is encrypted: decrypt it first';
  if (mark !== 'PAR1') return 'the file is cut off: its footer is missing';
  const metadataBytes = tail.readUInt32LE(0);
  if (metadataBytes > MAX_METADATA_BYTES)
    return `a footer of ${metadataBytes} bytes, the limit is ${MAX_METADATA_BYTES}`;
  try {
    return await parquetMetadataAsync(buffer, { geoparquet: false });
  } catch (error) {
    return `the footer is damaged (${messageOf(error)})`;
  }
}

async function* readRowGroups(
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  origin: string,
  options: ReadOptions,
): AsyncGenerator<Passage> {
  const columns = columnsRead(metadata, origin, options.textField);
  let firstRow = 0;
  for (const [index, group] of metadata.row_groups.entries()) {
    const place = `row group ${index + 1}`;
    const rowEnd = firstRow + Number(group.num_rows);
    let rows: Record<string, unknown>[] = [];
    try {
      checkSize(group, columns);
      const range = { rowStart: firstRow, rowEnd };
      rows = await parquetReadObjects({ file: buffer, metadata, columns, ...range, compressors: limited });
    } catch (error) {
      yield bad(origin, firstRow + 1, `${place} cannot be read (${messageOf(error)})`, options);
    }
    for (const [offset, record] of rows.entries()) yield rowPassage(record, origin, firstRow + offset + 1, options);
    firstRow = rowEnd;
  }
}

function columnsRead(metadata: FileMetaData, origin: string, textField: string | undefined): string[] {
  const names = parquetSchema(metadata).children.map(({ element }) => element.name);
  const wanted = fieldsRead(textField);
  const columns = names.filter((name) => wanted.has(name));
  if (columns.length > 0) return columns;
  throw new MoatError('bad-parquet', `${origin}: no column holds the text; seen: ${names.slice(0, 20).join(', ')}`, {
    fix: 'Name the column that holds the document with --text-field (nested: a.b, several: a,b).',
  });
}

function checkSize(group: FileMetaData['row_groups'][number], columns: readonly string[]): void {
  let bytes = 0;
  for (const { meta_data: chunk } of group.columns) {
    const [name = ''] = chunk?.path_in_schema ?? [];
    if (chunk !== undefined && columns.includes(name)) bytes += Number(chunk.total_uncompressed_size);
  }
  if (bytes > MAX_ROW_GROUP_BYTES) {
    throw new Error(`${bytes} bytes of text, the limit is ${MAX_ROW_GROUP_BYTES}: write it in smaller row groups`);
  }
}

/** What a page claims to unpack to is allocated before it is unpacked. */
const limited: Compressors = Object.fromEntries(
  Object.entries(compressors).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, outputLength: number) => {
      if (outputLength > MAX_ROW_GROUP_BYTES) throw new Error(`a page of ${outputLength} bytes`);
      return decompress(input, outputLength);
    },
  ]),
);

function rowPassage(record: Record<string, unknown>, origin: string, row: number, options: ReadOptions): Passage {
  const place = `${origin}: row ${row}`;
  const passage = passageOfRecord(record, place, row, options);
  if (passage !== undefined) return passage;
  const { what, fix } = whyNoText(record, options.textField);
  throw new MoatError('bad-parquet', `${place}: ${what}`, { fix });
}

function bad(origin: string, row: number, what: string, options: ReadOptions): Passage {
  const detail = `${origin}: ${what}`;
  if (options.strict !== true) return { kind: 'malformed', line: row, reason: 'bad-parquet', detail };
  throw new MoatError('bad-parquet', detail, { fix: 'Mend the file, or run without --strict to leave that part out.' });
}
