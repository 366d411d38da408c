import { displayWidth, padEnd, truncate, wrap } from './width.js';

/** One line of a summary: what it is, and its value. A pair with an empty name continues the value above it. */
export type SummaryLine = readonly [name: string, value: string];

export interface BoxOptions {
  readonly columns: number;
  readonly frame?: (text: string) => string;
  readonly name?: (text: string) => string;
}

/** A framed list of names and values under a title; long values wrap, and no line is wider than `columns`. */
export function summaryBox(title: string, lines: readonly SummaryLine[], options: BoxOptions): string {
  const frame = options.frame ?? ((text) => text);
  const styleName = options.name ?? ((text) => text);
  const room = Math.max(8, options.columns - 4);
  const nameWidth = Math.min(Math.max(0, ...lines.map(([name]) => displayWidth(name))), Math.floor(room / 2));
  const valueRoom = room - nameWidth - 2;
  const wrapped = lines.flatMap(([name, value]) =>
    value
      .split('\n')
      .flatMap((line) => wrap(line, valueRoom))
      .map((part, index): SummaryLine => [index === 0 ? name : '', part]),
  );
  const valueWidth = Math.max(0, ...wrapped.map(([, value]) => displayWidth(value)));
  const titleWidth = displayWidth(title);
  const inner = Math.min(room, Math.max(nameWidth + 2 + valueWidth, titleWidth + 2));
  const head = truncate(title, inner - 2);
  const top = `${frame('╭─')} ${head} ${frame(`${'─'.repeat(Math.max(0, inner - displayWidth(head) - 1))}╮`)}`;
  const body = wrapped.map(([name, value]) => {
    const text = `${styleName(padEnd(truncate(name, nameWidth), nameWidth))}  ${value}`;
    return `${frame('│')} ${padEnd(text, inner)} ${frame('│')}`;
  });
  return [top, ...body, frame(`╰${'─'.repeat(inner + 2)}╯`)].join('\n');
}
