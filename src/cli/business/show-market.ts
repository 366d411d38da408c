import { figuresFor } from '../../company/business/figures.js';
import { MOAT_ITEMS, marketOf } from '../../company/business/market.js';
import { businessTexts } from '../business-report/texts.js';
import { requireBusinessFile } from '../stages/business-yaml.js';
import { readPicture } from '../stages/read-picture.js';
import { table } from '../terminal/table.js';
import type { BusinessAction } from './request.js';

/** We beside the others, and what keeps them out. */
export const showMarket: BusinessAction = async ({ project, books, month, language, terminal }) => {
  const file = await requireBusinessFile(project);
  const picture = await readPicture(project, books, month);
  const market = marketOf(file, picture);
  const figures = figuresFor(language, picture.facts.currency);
  const texts = businessTexts[language];
  const right = (title: string) => ({ title, align: 'right' as const });
  const rows = market.rows.map(({ name, inputMicros, outputMicros, quality, latencyMs, limits }) => [
    name,
    figures.money(inputMicros),
    figures.money(outputMicros),
    figures.number(quality),
    figures.number(latencyMs),
    limits ?? '–',
  ]);
  const titles = [texts.inputPrice, texts.outputPrice, texts.quality, texts.latency].map(right);
  terminal.print(
    table([{ title: texts.marketTitle }, ...titles, { title: texts.limits }], rows, { columns: terminal.columns }),
  );
  for (const item of MOAT_ITEMS) {
    const entries = market.moat[item];
    terminal.print(`${texts.moat[item]}: ${entries.length === 0 ? texts.nothing : ''}`);
    for (const { text, standing } of entries) terminal.print(`  ${text} (${texts.standing[standing]})`);
  }
  return { json: { month: picture.facts.month, currency: picture.facts.currency, ...market } };
};
