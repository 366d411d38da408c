import type { TextBlock } from './text-blocks.js';
import type { XmlEvent } from './xml-events.js';

/** What paragraphs of a style are, by its id; `contents` are the lines of a table of contents. */
export type DocxStyles = ReadonlyMap<string, TextBlock['kind'] | 'contents'>;

/** More are no styles of a document. */
const MAX_STYLES = 10_000;

/**
 * From `styles.xml`. Ids are in the language of the program that wrote them (`berschrift1`, `1`); names of the built-in
 * styles are English everywhere.
 */
export async function readStyles(chunks: AsyncIterable<readonly XmlEvent[]>): Promise<DocxStyles> {
  const styles = new Map<string, TextBlock['kind'] | 'contents'>();
  let id = '';
  for await (const events of chunks) {
    for (const event of events) {
      if (event.kind !== 'open' || styles.size >= MAX_STYLES) continue;
      if (event.name === 'style') id = event.attributes['w:styleId'] ?? '';
      const kind = event.name === 'name' ? kindOf(event.attributes['w:val'] ?? '') : undefined;
      if (kind !== undefined) styles.set(id, kind);
    }
  }
  return styles;
}

function kindOf(name: string): TextBlock['kind'] | 'contents' | undefined {
  if (/^(?:heading \d|title|subtitle)$/i.test(name)) return 'heading';
  if (/^(?:toc \d|toc heading|table of figures|index \d)$/i.test(name)) return 'contents';
  return /^list (?:bullet|number)/i.test(name) ? 'item' : undefined;
}
