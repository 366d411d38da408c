import type { OpenedFile } from '../format-reader.js';

/** Something that holds files: an archive, or one file compressed. */
export interface Container {
  readonly name: string;
  /** @param head the first 512 bytes, or all of a shorter file */
  hasSignature(head: Buffer): boolean;
  /**
   * What it holds, in the order in which it stands there. The bytes of an entry must be taken, or left, before the next.
   * @throws ContainerError for what is damaged or encrypted
   */
  entries(file: OpenedFile): AsyncIterable<ContainerEntry>;
}

export type ContainerEntry =
  | { readonly kind: 'file'; readonly name: string; readonly bytes: AsyncIterable<Uint8Array> }
  | { readonly kind: 'refused'; readonly name: string; readonly reason: string; readonly detail: string };

/** Why the rest of a container, or all of it, cannot be read. */
export class ContainerError extends Error {
  override readonly name = 'ContainerError';
  constructor(
    readonly reason: 'damaged' | 'encrypted' | 'unpacks-too-far',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Why an entry of this name is not written anywhere, or undefined. Names come from outside and may say anything. */
export function refuseName(name: string): ContainerEntry | undefined {
  const isOutside = name.startsWith('/') || /^[a-z]:/i.test(name) || name.split(/[/\\]/).includes('..');
  if (!isOutside) return undefined;
  return { kind: 'refused', name, reason: 'unsafe-path', detail: 'its name leads out of the archive' };
}

/** As in folders: hidden entries, installed packages and what macOS adds are passed over. */
export function isPassedOver(name: string): boolean {
  return name.split('/').some((part) => /^\.[^.]/.test(part) || part === 'node_modules' || part === '__MACOSX');
}
