import { MoatError } from '../../base/errors.js';
import { figuresFor } from '../../company/business/figures.js';
import { buildOrBuyOf, scenarioOf } from '../../company/business/stated-scenario.js';
import { businessTexts } from '../business-report/texts.js';
import { requireBusinessFile } from '../stages/business-yaml.js';
import { readPicture } from '../stages/read-picture.js';
import { table } from '../terminal/table.js';
import type { BusinessAction } from './request.js';

/** Base, low and high, what matters most, what chance makes of it; own model or the giant's. */
export const showScenario: BusinessAction = async ({ project, books, month, language, terminal }) => {
  const file = await requireBusinessFile(project);
  const picture = await readPicture(project, books, month);
  const scenario = scenarioOf(file, picture);
  if (scenario === null)
    throw new MoatError('no-scenario', 'business.yaml: there is no scenario in it', {
      fix: 'docs/BUSINESS.md shows one.',
    });
  const buildOrBuy = buildOrBuyOf(file, picture);
  const figures = figuresFor(language, picture.facts.currency);
  const texts = businessTexts[language];
  const right = (title: string) => ({ title, align: 'right' as const });
  const print = (titles: readonly string[], rows: readonly (readonly string[])[]): void =>
    terminal.print(
      table(
        titles.map((title, at) => (at === 0 ? { title } : right(title))),
        rows,
        { columns: terminal.columns },
      ),
    );
  const { result } = scenario;
  if (result === null) terminal.print(texts.missingFor(scenario.missing.map((name) => texts.assumption[name])));
  else {
    print(
      [texts.scenarioTitle(result.months), texts.profit, texts.cashNeed],
      (['low', 'base', 'high'] as const).map((name) => [
        texts[name],
        figures.estimate(result[name].estimatedProfit),
        figures.estimate(result[name].estimatedCashNeed),
      ]),
    );
    const { percentiles, lossShare, draws, seed } = result.chance;
    terminal.print(
      `${texts.median} ${figures.estimate(percentiles.p50)}; ${texts.ninety} ${texts.band(figures.estimate(percentiles.p5), figures.estimate(percentiles.p95))}; ${texts.lossShare} ${figures.share(lossShare)} (${draws}, seed ${seed})`,
    );
    terminal.print(`${texts.priceFloor}: ${figures.estimate(scenario.estimatedPriceFloor)}`);
    print(
      [texts.swing, texts.atLow, texts.atHigh],
      result.tornado.map(({ assumption, atLow, atHigh }) => [
        texts.assumption[assumption],
        figures.estimate(atLow),
        figures.estimate(atHigh),
      ]),
    );
  }
  if (buildOrBuy !== null) {
    print(
      [texts.volume, texts.own, texts.giant, texts.both],
      buildOrBuy.rows.map(({ millions, estimatedOwn, estimatedApi, estimatedBoth }) => [
        figures.compact(millions * 1e6),
        figures.estimate(estimatedOwn),
        figures.estimate(estimatedApi),
        figures.estimate(estimatedBoth),
      ]),
    );
    terminal.print(
      buildOrBuy.crossoverMillions === null
        ? texts.noCrossover
        : texts.crossover(figures.compact(buildOrBuy.crossoverMillions * 1e6)),
    );
  }
  return { json: { month: picture.facts.month, currency: picture.facts.currency, scenario, buildOrBuy } };
};
