import { describe, expect, it } from 'vitest';
import { type Block, type Inline, readMarkdown } from './markdown.js';

/** As a page would show it: tags where the reader sees a form, text where he sees text. */
const shown = (text: string): string => readMarkdown(text).map(ofBlock).join('');
const words = (parts: readonly Inline[]): string => parts.map(ofInline).join('');
function ofInline(part: Inline): string {
  if ('text' in part) return part.kind === 'text' ? part.text : `[code ${part.text}]`;
  return `[${part.kind}${part.kind === 'link' ? ` ${part.href}` : ''} ${words(part.parts)}]`;
}
function ofBlock(block: Block): string {
  if (block.kind === 'quote') return `{quote ${block.blocks.map(ofBlock).join('')}}`;
  if (block.kind === 'rule') return '{rule}';
  if (block.kind === 'code') return `{code ${block.text}}`;
  if (block.kind === 'list')
    return `{list ${block.items.map(({ depth, number, parts }) => `${depth}${number ?? '-'} ${words(parts)}`).join('; ')}}`;
  if (block.kind === 'table')
    return `{table ${[block.head, ...block.rows].map((row) => row.map(words).join(', ')).join('; ')}}`;
  return `{${block.kind}${block.kind === 'heading' ? block.level : ''} ${words(block.parts)}}`;
}

it('reads a card of ours', () => {
  const card = [
    '# support-v2',
    '',
    'Qwen3 (arXiv:2505.09388), trained from scratch with [Moat](https://www.npmjs.com/package/moatlm). Its sizes',
    'are in `config.json`.',
    '',
    '## Data',
    '',
    '| documents | number | text |',
    '| --- | --- | --- |',
    '| kept, zh-Hans | 2 | 506 B |',
    '| left out, near-duplicate | 12 | 2.5 KB |',
    '',
    'It knows the texts above and *nothing* else.',
  ].join('\n');
  expect(shown(card)).toBe(
    '{heading1 support-v2}' +
      '{paragraph Qwen3 (arXiv:2505.09388), trained from scratch with [link https://www.npmjs.com/package/moatlm Moat]. Its sizes are in [code config.json].}' +
      '{heading2 Data}{table documents, number, text; kept, zh-Hans, 2, 506 B; left out, near-duplicate, 12, 2.5 KB}' +
      '{paragraph It knows the texts above and [emphasis nothing] else.}',
  );
});

describe('cards of others', () => {
  it.each([
    ['- one\n  goes on\n  - deeper\n1. first', '{list 0- one goes on; 1- deeper; 01. first}'],
    ['```py\n# no heading\n<b>\n```\nafter', '{code # no heading\n<b>}{paragraph after}'],
    ['> said\n> twice\n\n***', '{quote {paragraph said twice}}{rule}'],
    [
      '**bold `x*y`** and snake_case_name _so_ 2 * 3 * 4',
      '{paragraph [strong bold [code x*y]] and snake_case_name [emphasis so] 2 * 3 * 4}',
    ],
    ['| a \\| b | `c` |\n|:--|--:|\n| 1 |', '{table a | b, [code c]; 1}'],
    ['a | b\nis no table', '{paragraph a | b is no table}'],
    ['\\*not\\* emphasis\r\n## Next ##', '{paragraph *not* emphasis}{heading2 Next}'],
    ['``` never closed\nrest', '{code rest}'],
  ])('%j', (text, expected) => expect(shown(text)).toBe(expected));

  it('bring no HTML, no picture and no address but of the web', () => {
    expect(shown('<script>alert(1)</script> <img src=x onerror=y>')).toBe(
      '{paragraph <script>alert(1)</script> <img src=x onerror=y>}',
    );
    expect(shown('![a cat](https://far.example/cat.png) [x](javascript:alert%281%29) [y](./file.md)')).toBe(
      '{paragraph a cat x y}',
    );
    expect(shown('[![badge](https://a.example/b.svg)](https://a.example) <https://b.example>')).toBe(
      '{paragraph [link https://a.example badge] [link https://b.example https://b.example]}',
    );
  });

  it.each(['[', '*', '`', '_a', '> ', '| ', '![', '- ', '\\', '**a', '[]('])('%j a hundred thousand times', (text) => {
    const start = performance.now();
    expect(readMarkdown(text.repeat(100_000 / text.length)).length).toBeGreaterThan(0);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
