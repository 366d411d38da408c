/**
 * What kind a file is, by its content first and its name second: names lie, and often there is none. A guess that is
 * wrong can be overruled by naming the format.
 */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { type Container } from './containers/container.js';
import { containerOf } from './containers/unpack.js';
import type { BinaryFormat, OpenedFile, TextFormat } from './format-reader.js';
import { BINARY_FORMATS, PLAIN_TEXT, TEXT_FORMATS } from './formats.js';
import { decodeFile, inspectFile } from './text-encoding.js';

export type Detected =
  | { readonly kind: 'container'; readonly container: Container }
  | { readonly kind: 'binary'; readonly format: BinaryFormat }
  | { readonly kind: 'text'; readonly format: TextFormat; readonly encoding: string }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly detail: string };

const SIGNATURE_BYTES = 512;
/** How much of a text is looked at. */
const HEAD_CHARACTERS = 16_384;

/** @param named the format to take a text for, whatever it looks like */
export async function detectFormat(file: OpenedFile, named?: TextFormat): Promise<Detected> {
  const signature = await readHead(file.path);
  for (const format of BINARY_FORMATS) {
    if (!format.hasSignature(signature)) continue;
    if (format.isOneOf === undefined || (await format.isOneOf(file))) return { kind: 'binary', format };
  }
  const container = containerOf(signature);
  if (container !== undefined) return { kind: 'container', container };
  const inspection = await inspectFile(file.path);
  if (inspection.kind !== 'text') return { kind: 'unreadable', reason: inspection.kind, detail: inspection.detail };
  const { encoding } = inspection;
  return { kind: 'text', format: named ?? (await detectText(file, encoding)), encoding };
}

/** A name is believed unless the content is plainly something else. */
async function detectText(file: OpenedFile, encoding: string): Promise<TextFormat> {
  const head = (await readText(file.path, encoding)).trimStart();
  const extension = path.posix.extname(file.origin).toLowerCase();
  const byName = TEXT_FORMATS.find(({ extensions }) => extensions.includes(extension));
  if (byName !== undefined && (byName.looksLike === undefined || byName.looksLike(head))) return byName;
  return TEXT_FORMATS.find((format) => format.looksLike?.(head) === true) ?? byName ?? PLAIN_TEXT;
}

async function readHead(file: string): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(SIGNATURE_BYTES);
    const { bytesRead } = await handle.read(head, 0, SIGNATURE_BYTES, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function readText(file: string, encoding: string): Promise<string> {
  let head = '';
  for await (const chunk of decodeFile(file, encoding)) {
    head += chunk;
    if (head.length >= HEAD_CHARACTERS) break;
  }
  return head.slice(0, HEAD_CHARACTERS);
}
