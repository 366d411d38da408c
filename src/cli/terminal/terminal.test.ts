import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { curve, sparkline } from './curve.js';
import { createReporter, progressBar } from './reporter.js';
import { summaryBox } from './summary-box.js';
import { table } from './table.js';
import { createTerminal } from './terminal.js';
import { displayWidth, padStart, stripAnsi, truncate, wrap } from './width.js';

const mixedText = fc.string({
  unit: fc.constantFrom('a', 'B', ' ', '店', 'ñ', '한', '🙂', 'e\u0301', '。'),
  maxLength: 60,
});
const widest = (text: string): number => Math.max(...text.split('\n').map(displayWidth));

function screen(isTTY: boolean, columns = 80) {
  const stream = { text: '', isTTY, columns, write: (chunk: string) => ((stream.text += chunk), true) };
  return stream;
}

describe('width', () => {
  it.each([
    ['moat', 4],
    ['小店', 4],
    ['한국', 4],
    ['e\u0301', 1],
    ['🙂', 2],
    ['👩‍👩‍👧', 2],
    ['─█✓', 3],
    ['\u001b[32mok\u001b[39m', 2],
  ])('%s takes %i columns', (text, columns) => expect(displayWidth(text)).toBe(columns));

  it('never cuts or wraps to more than was allowed, and wrapping loses no letter', () => {
    fc.assert(
      fc.property(mixedText, fc.integer({ min: 2, max: 40 }), (text, columns) => {
        expect(displayWidth(truncate(text, columns))).toBeLessThanOrEqual(columns);
        const lines = wrap(text, columns);
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
    );
  });

  it('keeps colour codes and closes them', () => {
    expect(truncate('\u001b[32mabcdef\u001b[39m', 4)).toBe('\u001b[32mabc…\u001b[0m');
    expect(padStart('店', 4)).toBe('  店');
  });
});

describe('table, box and curve', () => {
  it('aligns wide characters and figures', () => {
    const columns = [{ title: 'model' }, { title: 'price', align: 'right' as const }];
    expect(
      table(
        columns,
        [
          ['小店', '1.50'],
          ['gpt', '10.00'],
        ],
        { columns: 80 },
      ),
    ).toBe(['model  price', '小店    1.50', 'gpt    10.00'].join('\n'));
  });

  it('is never wider than the terminal', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(mixedText, mixedText, mixedText), { maxLength: 5 }),
        fc.integer({ min: 20, max: 100 }),
        (rows, columns) => {
          const heads = [{ title: 'name' }, { title: 'what it is' }, { title: 'cost', align: 'right' as const }];
          expect(widest(table(heads, rows, { columns }))).toBeLessThanOrEqual(columns);
          const lines = rows.map(([name, value]) => [name, value] as const);
          const box = summaryBox('figures', lines, { columns });
          expect(widest(box)).toBeLessThanOrEqual(columns);
          expect(new Set(box.split('\n').map(displayWidth)).size).toBe(1);
        },
      ),
    );
  });

  it('draws a falling loss from the top left to the bottom right', () => {
    const values = Array.from({ length: 400 }, (_, step) => 1.4 + 7 * Math.exp(-step / 60));
    const plot = curve(values, { columns: 80, rows: 4, caption: 'steps 1 to 400' }).split('\n');
    expect(plot).toHaveLength(5);
    expect(plot[0]).toMatch(/^8\.40 ┤[^\u2800]/);
    expect(plot[3]).toMatch(/^1\.41 ┤.*[^\u2800]$/);
    expect(widest(plot.join('\n'))).toBeLessThanOrEqual(80);
    expect(curve([1], { columns: 80 })).toBe('');
    expect(curve([2, Number.NaN, 2], { columns: 40 })).toContain('2.00');
    expect(sparkline([4, 3, 2, 1])).toBe('█▆▃▁');
  });
});

describe('stages', () => {
  it('shows a live bar on a terminal, then one line', () => {
    const stream = screen(true);
    const clock = manualClock();
    const stage = createReporter(createTerminal(stream, { NO_COLOR: '1' }), clock).stage('train');
    clock.advance(2000);
    stage.progress({ fraction: 0.5, text: 'loss 3.21', remainingSeconds: 2 });
    expect(stream.text).toMatch(/█{10}░{10}  50% loss 3\.21 {2}2\.0s left$/);
    stage.done('412 steps');
    stage.progress({ fraction: 1 });
    expect(stream.text.split('\r\u001b[2K').at(-1)).toMatch(/^✓ train {6}412 steps +2\.0s\n$/);
  });

  it('prints a plain line now and then where nobody watches, without any escape code', () => {
    const stream = screen(false);
    const clock = manualClock();
    const stage = createReporter(createTerminal(stream, {}), clock).stage('data');
    for (let second = 0; second < 25; second++) {
      clock.advance(1000);
      stage.progress({ fraction: second / 25, text: 'reading' });
    }
    stage.failed('broken');
    expect(stream.text.split('\n').filter((line) => line.includes('reading'))).toHaveLength(2);
    expect(stripAnsi(stream.text)).toBe(stream.text);
  });

  it('prints above the live line and keeps it', () => {
    const stream = screen(true);
    const terminal = createTerminal(stream, {});
    terminal.setLive('busy');
    terminal.print('news');
    expect(stream.text).toBe('busy\r\u001b[2Knews\nbusy');
  });

  it.each([
    [true, {}, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
    [false, { FORCE_COLOR: '1' }, true],
  ])('terminal %s with %j: colour %s', (isTTY, env, coloured) => {
    expect(createTerminal(screen(isTTY), env).colors.isColorSupported).toBe(coloured);
  });

  it('fills a bar exactly', () => {
    for (const fraction of [0, 0.001, 0.333, 0.5, 0.999, 1, -1, 2, Number.NaN, Infinity]) {
      expect(displayWidth(progressBar(fraction, 20))).toBe(20);
    }
    expect(progressBar(1, 4)).toBe('████');
  });
});
