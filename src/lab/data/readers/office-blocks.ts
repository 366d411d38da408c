/** What an office document is made of, gathered as its XML streams by: paragraphs, and rows of tables. */
import type { TextBlock } from './text-blocks.js';

interface OpenParagraph {
  kind: TextBlock['kind'];
  listDepth: number;
  isLeftOut: boolean;
  readonly pieces: string[];
}

/** Longer paragraphs in the cells of a row mean that the table lays out the page. */
const LONGEST_CELL_CHARACTERS = 1000;

/** Paragraphs may stand in paragraphs (text boxes do), tables in cells. */
export class OfficeBlocks {
  readonly blocks: TextBlock[] = [];
  private readonly paragraphs: OpenParagraph[] = [];
  private readonly rows: TextBlock[][][] = [];

  openParagraph(): void {
    this.paragraphs.push({ kind: 'paragraph', listDepth: 0, isLeftOut: false, pieces: [] });
  }

  /** Of the innermost paragraph. */
  setKind(kind: TextBlock['kind'], listDepth = 0): void {
    const paragraph = this.paragraphs.at(-1);
    if (paragraph === undefined) return;
    paragraph.kind = kind;
    paragraph.listDepth = listDepth;
  }

  get kind(): TextBlock['kind'] | undefined {
    return this.paragraphs.at(-1)?.kind;
  }

  leaveOut(): void {
    const paragraph = this.paragraphs.at(-1);
    if (paragraph !== undefined) paragraph.isLeftOut = true;
  }

  add(text: string): void {
    this.paragraphs.at(-1)?.pieces.push(text);
  }

  closeParagraph(): void {
    const paragraph = this.paragraphs.pop();
    const text = paragraph?.pieces.join('').trim() ?? '';
    if (paragraph === undefined || paragraph.isLeftOut || text === '') return;
    const { kind, listDepth } = paragraph;
    const sink = this.rows.at(-1)?.at(-1) ?? this.blocks;
    sink.push({ kind, listDepth, text: kind === 'item' ? `- ${text}` : text });
  }

  openRow(): void {
    this.rows.push([]);
  }

  openCell(): void {
    this.rows.at(-1)?.push([]);
  }

  closeRow(): void {
    const cells = this.rows.pop() ?? [];
    const sink = this.rows.at(-1)?.at(-1) ?? this.blocks;
    const full = cells.filter((blocks) => blocks.length > 0);
    if (full.length < 2 || full.flat().some(({ text }) => text.length > LONGEST_CELL_CHARACTERS)) {
      for (const block of full.flat()) sink.push(block);
      return;
    }
    const texts = cells.map((blocks) => blocks.map(({ text }) => text.replaceAll(/\s+/g, ' ')).join(' '));
    sink.push({ kind: 'row', listDepth: 0, text: texts.join('\t').trimEnd() });
  }
}
