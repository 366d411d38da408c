import { describe, expect, it } from 'vitest';
import { emptyFacts, exampleFacts } from '../../../tests/business-example.js';
import { canvasOf } from '../../company/business/canvas.js';
import { FACTS } from '../../company/business/fact-registry.js';
import { marketOf } from '../../company/business/market.js';
import type { PictureFacts } from '../../company/business/picture-facts.js';
import { businessPicture } from '../../company/business/picture.js';
import { buildOrBuyOf, scenarioOf } from '../../company/business/stated-scenario.js';
import { renderCanvasMarkdown, renderCanvasPage } from './canvas-page.js';
import type { ReportFacts } from './pen.js';
import { renderReportPage } from './report-page.js';

function reportOf(facts: PictureFacts, balanced = true): ReportFacts {
  const picture = businessPicture(facts);
  const { file } = facts;
  return {
    picture,
    market: file === null ? null : marketOf(file, picture),
    scenario: file === null ? null : scenarioOf(file, picture),
    buildOrBuy: file === null ? null : buildOrBuyOf(file, picture),
    books: { balanced, transactionCount: 305 },
    timeZone: 'UTC',
  };
}
const languages = ['en', 'zh-CN'] as const;
const example = exampleFacts();
const { file } = example;
if (file === null) throw new Error('the example has a file');

describe.each(languages)('the report in %s', (language) => {
  const page = renderReportPage(reportOf(example), language);

  it('leads every figure to a source with a command', () => {
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id ?? '');
    expect(targets.length).toBeGreaterThan(30);
    for (const id of targets) expect(page).toContain(`<tr id="${id}">`);
    for (const { id } of FACTS)
      expect(page, id).toMatch(new RegExp(`<tr id="${id.replace('.', '\\.')}">.*?<code>[^<]+</code></td></tr>`));
  });

  it('asks nobody for anything, and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|src=/);
  });

  it('has no broken figure and no word that stands for one', () => {
    for (const facts of [example, emptyFacts()])
      expect(renderReportPage(reportOf(facts), language)).not.toMatch(/NaN|undefined|Infinity|\[object|null/);
  });

  it('takes names as text', () => {
    const sales = example.sales.map((row) => ({ ...row, customerName: '<b>"Acorn"</b>' }));
    const hostile = renderReportPage(reportOf({ ...example, project: '<i>shop</i>', sales }), language);
    expect(hostile).toContain('&lt;b&gt;&quot;Acorn&quot;&lt;/b&gt;');
    expect(hostile).not.toMatch(/<i>|<b>"Acorn/);
  });
});

it('says the month runs, and that the books are broken', () => {
  const now = new Date('2026-11-15T00:00:00Z');
  const page = renderReportPage(reportOf({ ...example, now }, false), 'en');
  expect(page).toContain('The month is not over: figures up to Nov 15, 2026.');
  expect(page).toContain('The books do not balance');
});

it('is Chinese throughout, names and commands apart', () => {
  const page = renderReportPage(reportOf(emptyFacts()), 'zh-CN');
  const words = page
    .replace(/<style>.*?<\/style>|<code>.*?<\/code>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&[a-z#0-9]+;/g, ' ');
  const latin = new Set(words.match(/[A-Za-z][A-Za-z-]{2,}/g));
  const known = [
    'shop',
    'token',
    'CAC',
    'NRR',
    'MRR',
    'ARR',
    'moat',
    'audit',
    'otherRevenue',
    'dataCosts',
    'monthlyCosts',
    'channels',
    'credit-grants',
    'write-offs',
    'runs',
    'models',
  ];
  expect([...latin].filter((word) => !known.includes(word))).toEqual([]);
});

it('has one word for each margin, and volumes as its reader counts', () => {
  const [english, chinese] = [renderReportPage(reportOf(example), 'en'), renderReportPage(reportOf(example), 'zh-CN')];
  const words = english.replace(/<style>.*?<\/style>|<[^>]*>/gs, ' ');
  const others = words.replaceAll(/gross margin|margin before idle time/gi, '').match(/.{20}\bmargin\b/gi);
  expect(others).toBeNull();
  expect(english).toContain('110M');
  expect(chinese).toContain('1.1亿');
  expect(chinese).not.toMatch(/\d 百万|百万输出词元/);
  for (const page of [english, chinese]) expect(page.match(/>-[$¥]?\d/)).toBeNull();
});

it('the canvas: nine blocks, claims marked, and figures with their command', () => {
  const picture = businessPicture(example);
  const canvas = canvasOf(file, picture);
  const page = renderCanvasPage(canvas, picture, 'en');
  expect(page.match(/<section class="/g)).toHaveLength(9);
  expect(page).toContain('Cleaning letters <span class="tag claim">claim</span>');
  expect(page).toContain('<a href="https://example.com/association" rel="noreferrer">[1]</a>');
  const text = renderCanvasMarkdown(canvas, picture, 'en');
  expect(text).toContain('- Serving **$259.20** (`moat business load --month 2026-11 --json`) _measured_');
  expect(text).toContain("- Nobody reads our customers' questions but us _claim_");
  expect(text.match(/^## /gm)).toHaveLength(9);
});
