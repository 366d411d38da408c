/** A piece of a document that stands apart. */
export interface TextBlock {
  readonly kind: 'heading' | 'paragraph' | 'item' | 'row' | 'verbatim';
  /** With its bullet or number; cells of a row by tabs. */
  readonly text: string;
  /** How many lists it stands in. */
  readonly listDepth: number;
}

/** Blocks as text: paragraphs and headings apart, items of a list and rows of a table on lines of their own. */
export function textOfBlocks(blocks: readonly TextBlock[]): string {
  let text = '';
  let previous: TextBlock | undefined;
  for (const block of blocks) {
    if (previous !== undefined) text += areTogether(previous, block) ? '\n' : '\n\n';
    text += indented(block);
    previous = block;
  }
  return text;
}

function areTogether(first: TextBlock, second: TextBlock): boolean {
  return first.kind === second.kind && (first.kind === 'item' || first.kind === 'row');
}

function indented({ kind, text, listDepth }: TextBlock): string {
  return kind === 'item' && listDepth > 1 ? '  '.repeat(Math.min(listDepth, 8) - 1) + text : text;
}

/** The title as the first line, unless the text begins with it. Nothing where there is no text. */
export function withTitle(title: string, text: string): string {
  if (text === '' || title === '') return text;
  const heading = letters(text.slice(0, text.indexOf('\n') === -1 ? undefined : text.indexOf('\n')));
  return heading !== '' && letters(title).includes(heading) ? text : `${title}\n\n${text}`;
}

function letters(line: string): string {
  return line.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, '');
}
