/** What an EPUB (EPUB 3.3, W3C) says of itself: its title, and its chapters in reading order. */
import path from 'node:path';
import { ContainerError } from '../containers/container.js';
import { type Attributes } from './html-elements.js';
import { xmlEvents } from './xml-events.js';
import type { ZipPackage } from './zip-package.js';

export interface EpubBook {
  readonly title: string;
  /** Names of parts, each once; covers, contents, indexes and imprints are left out. */
  readonly chapters: readonly string[];
}

const CONTAINER = 'META-INF/container.xml';
const ENCRYPTION = 'META-INF/encryption.xml';
const PAGE_TYPES = /^application\/xhtml\+xml$|^text\/html$|^application\/x-dtbook\+xml$/;
/** Of the guide of EPUB 2. */
const AROUND_TEXT = new Set('cover title-page toc index copyright-page loi lot colophon'.split(' '));
/** Fonts are made unreadable by these; whoever has a book may do so. */
const FONT_ALGORITHMS = /idpf\.org\/2008\/embedding|ns\.adobe\.com\/pdf\/enc#RC/;

/** @throws ContainerError `damaged`; `encrypted` for a book whose chapters are locked */
export async function bookOf(parts: ZipPackage): Promise<EpubBook> {
  let opf: string | undefined;
  for (const { name, attributes } of await elementsOf(parts, CONTAINER)) {
    if (name === 'rootfile') opf ??= attributes['full-path'];
  }
  if (opf === undefined) throw new ContainerError('damaged', `names no book in ${CONTAINER}`);
  const folder = path.posix.dirname(opf);
  const partOf = (href: string): string => path.posix.join(folder, unescaped(href.replace(/#.*$/, '')));
  const pages = new Map<string, string>();
  const spine: string[] = [];
  const around = new Set<string>();
  let title = '';
  for (const { name, attributes, text } of await elementsOf(parts, opf)) {
    const { id = '', href = '', properties = '' } = attributes;
    if (name === 'title' && title === '') title = text.replaceAll(/\s+/g, ' ').trim();
    else if (name === 'item' && PAGE_TYPES.test(attributes['media-type'] ?? '')) {
      pages.set(id, partOf(href));
      if (/\bnav\b/.test(properties) || /^cover(?:page)?$/i.test(id)) around.add(partOf(href));
    } else if (name === 'itemref') spine.push(attributes['idref'] ?? '');
    else if (name === 'reference' && AROUND_TEXT.has(attributes['type'] ?? '')) around.add(partOf(href));
  }
  const chapters = new Set(spine.flatMap((id) => pages.get(id) ?? []).filter((name) => !around.has(name)));
  if (parts.has(ENCRYPTION)) refuseLocked(await elementsOf(parts, ENCRYPTION), chapters);
  return { title, chapters: [...chapters] };
}

function refuseLocked(elements: readonly FlatElement[], chapters: ReadonlySet<string>): void {
  let isFont = false;
  for (const { name, attributes } of elements) {
    if (name === 'EncryptedData') isFont = false;
    else if (name === 'EncryptionMethod') isFont ||= FONT_ALGORITHMS.test(attributes['Algorithm'] ?? '');
    else if (name === 'CipherReference' && !isFont && chapters.has(unescaped(attributes['URI'] ?? ''))) {
      throw new ContainerError('encrypted', 'is locked by its seller (DRM), and is not read');
    }
  }
}

interface FlatElement {
  readonly name: string;
  readonly attributes: Attributes;
  /** Right inside it. */
  text: string;
}

const MAX_ELEMENTS = 200_000;

/** Elements in the order in which they begin. A part that is cut off gives those before the cut. */
async function elementsOf(parts: ZipPackage, name: string): Promise<readonly FlatElement[]> {
  const elements: FlatElement[] = [];
  for await (const events of xmlEvents(parts.text(name))) {
    for (const event of events) {
      const last = elements.at(-1);
      if (event.kind === 'open') elements.push({ name: event.name, attributes: event.attributes, text: '' });
      else if (event.kind === 'text' && last !== undefined) last.text += event.text;
    }
    if (elements.length > MAX_ELEMENTS)
      throw new ContainerError('unpacks-too-far', `lists over ${MAX_ELEMENTS} things in ${name}`);
  }
  return elements;
}

function unescaped(href: string): string {
  try {
    return decodeURIComponent(href);
  } catch {
    return href;
  }
}
