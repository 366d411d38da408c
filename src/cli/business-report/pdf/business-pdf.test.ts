import { extractText } from 'unpdf';
import { describe, expect, it } from 'vitest';
import { emptyFacts, exampleFacts } from '../../../../tests/business-example.js';
import { canvasOf } from '../../../company/business/canvas.js';
import { marketOf } from '../../../company/business/market.js';
import type { PictureFacts } from '../../../company/business/picture-facts.js';
import { businessPicture } from '../../../company/business/picture.js';
import { buildOrBuyOf, scenarioOf } from '../../../company/business/stated-scenario.js';
import type { ReportFacts } from '../pen.js';
import { renderReportPage } from '../report-page.js';
import { renderCanvasPdf } from './canvas-pdf.js';
import { parsePage, textOf } from './page-tree.js';
import { renderReportPdf } from './report-pdf.js';

function reportOf(facts: PictureFacts): ReportFacts {
  const picture = businessPicture(facts);
  const { file } = facts;
  return {
    picture,
    market: file === null ? null : marketOf(file, picture),
    scenario: file === null ? null : scenarioOf(file, picture),
    buildOrBuy: file === null ? null : buildOrBuyOf(file, picture),
    books: { balanced: true, transactionCount: 305 },
    timeZone: 'UTC',
  };
}
async function read(pdf: Uint8Array): Promise<{ text: string; totalPages: number }> {
  const { text, totalPages } = await extractText(new Uint8Array(pdf), { mergePages: true });
  return { text: text.replaceAll(/\s+/g, ''), totalPages };
}
const example = exampleFacts();
const { file } = example;
if (file === null) throw new Error('the example has a file');

describe.each(['en', 'zh-CN'] as const)('on paper in %s', (language) => {
  it('the report says all that its page says, and each figure leads to its source', async () => {
    for (const facts of [example, emptyFacts()]) {
      const report = reportOf(facts);
      const pdf = await renderReportPdf(report, language);
      const { text } = await read(pdf);
      const [head, ...parts] = parsePage(renderReportPage(report, language));
      for (const part of [head, ...parts].flatMap((each) => each?.children ?? [])) {
        // Charts and tables are drawn piece by piece; whatever stands between is there word for word.
        if (typeof part === 'string' || !['h1', 'h2', 'h3', 'p'].includes(part.name)) continue;
        expect(text).toContain(textOf(part).replaceAll(/\s+/g, ''));
      }
      const bytes = Buffer.from(pdf).toString('latin1');
      // The links of pdfkit: /GoTo with the name of the source.
      expect(bytes.match(/\/S \/GoTo/g)?.length ?? 0).toBeGreaterThan(20);
      expect(bytes).toContain('(margin.gross)');
    }
  });

  it('the canvas is one sheet with every block and entry', async () => {
    const picture = businessPicture(example);
    const canvas = canvasOf(file, picture);
    const { text, totalPages } = await read(await renderCanvasPdf(canvas, picture, language));
    expect(totalPages).toBe(1);
    for (const entry of Object.values(canvas).flat()) expect(text).toContain(entry.text.replaceAll(/\s+/g, ''));
  });
});

it('the same facts are the same bytes, and a full canvas still is one sheet', async () => {
  const picture = businessPicture(example);
  const canvas = canvasOf(file, picture);
  const twice = [await renderCanvasPdf(canvas, picture, 'zh-CN'), await renderCanvasPdf(canvas, picture, 'zh-CN')];
  expect(Buffer.compare(twice[0] ?? Buffer.of(), twice[1] ?? Buffer.of(1))).toBe(0);
  const full = { ...canvas, value: Array.from({ length: 8 }, () => canvas.value).flat() };
  expect((await read(await renderCanvasPdf(full, picture, 'en'))).totalPages).toBe(1);
});
