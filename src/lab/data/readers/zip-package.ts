/** Documents that are a ZIP archive of XML parts: OOXML, OpenDocument, EPUB. */
import iconv from 'iconv-lite';
import { ContainerError } from '../containers/container.js';
import { openZip, type ZipEntry } from '../containers/zip.js';
import type { OpenedFile } from '../format-reader.js';

/** No document has more parts; an archive that does is one of files. */
const MAX_PARTS = 50_000;
/** Of one part, unpacked. A thousand pages of a word processor make some 20 MB. */
const MAX_PART_BYTES = 128 << 20;
const ENCRYPTED = 1;

export interface ZipPackage {
  has(name: string): boolean;
  /** A part's text, UTF-8 or what its byte order mark says. @throws ContainerError */
  text(name: string): AsyncIterable<string>;
  close(): void;
}

/** @throws ContainerError */
export async function openPackage(file: Pick<OpenedFile, 'path'>): Promise<ZipPackage> {
  const archive = await openZip(file);
  const parts = new Map<string, ZipEntry>();
  try {
    for await (const entry of archive.entries()) {
      if (parts.size >= MAX_PARTS) throw new ContainerError('unpacks-too-far', `holds over ${MAX_PARTS} files`);
      // The first of a name counts, as for those who write such files.
      if (!parts.has(entry.name)) parts.set(entry.name, entry);
    }
  } catch (error) {
    archive.close();
    throw error;
  }
  return {
    has: (name) => parts.has(name),
    text: (name) => {
      const part = parts.get(name);
      if (part === undefined) throw new ContainerError('damaged', `has no ${name}`);
      checkPart(part);
      return decode(archive.read(part));
    },
    close: () => archive.close(),
  };
}

/** Whether the archive has this file; one that cannot be read has none. */
export async function hasPart(file: Pick<OpenedFile, 'path'>, name: string): Promise<boolean> {
  try {
    const archive = await openPackage(file);
    archive.close();
    return archive.has(name);
  } catch (error) {
    if (error instanceof ContainerError) return false;
    throw error;
  }
}

/** Whether the archive says that it is of a kind, and has the part with which that kind begins. */
export async function hasMimetype(file: Pick<OpenedFile, 'path'>, mimetype: string, part: string): Promise<boolean> {
  try {
    const archive = await openPackage(file);
    try {
      return (
        archive.has(part) && archive.has('mimetype') && (await startOfPart(archive, 'mimetype')).trim() === mimetype
      );
    } finally {
      archive.close();
    }
  } catch (error) {
    if (error instanceof ContainerError) return false;
    throw error;
  }
}

async function startOfPart(archive: ZipPackage, name: string): Promise<string> {
  for await (const chunk of archive.text(name)) return chunk;
  return '';
}

function checkPart({ name, sizeBytes, header }: ZipEntry): void {
  if ((header.generalPurposeBitFlag & ENCRYPTED) !== 0) throw new ContainerError('encrypted', `needs a password`);
  if (sizeBytes <= MAX_PART_BYTES) return;
  throw new ContainerError('unpacks-too-far', `has ${sizeBytes} bytes in ${name}, the limit is ${MAX_PART_BYTES}`);
}

async function* decode(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: iconv.DecoderStream | undefined;
  for await (const chunk of bytes) {
    const piece = Buffer.from(chunk);
    decoder ??= iconv.getDecoder(encodingOf(piece), { stripBOM: true });
    const text = decoder.write(piece);
    if (text !== '') yield text;
  }
  const rest = decoder?.end() ?? '';
  if (rest !== '') yield rest;
}

function encodingOf(head: Buffer): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-8';
}
