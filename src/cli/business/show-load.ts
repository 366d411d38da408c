import { figuresFor } from '../../company/business/figures.js';
import { curveTable } from '../load/curve-table.js';
import { readPicture } from '../stages/read-picture.js';
import { summaryBox } from '../terminal/summary-box.js';
import type { BusinessAction } from './request.js';

/** What the machine can do, what it does, what a token costs at that, and at which load it pays. */
export const showLoad: BusinessAction = async ({ project, books, month, terminal }) => {
  const { facts, load, capacity, serving, breakEvenLoad } = await readPicture(project, books, month);
  const { curve, currency } = facts;
  const figures = figuresFor('en', currency);
  terminal.print(curve === null ? 'Nothing was measured yet: moat bench serve.' : curveTable(curve, terminal.columns));
  const band = breakEvenLoad?.utilisation;
  terminal.print(
    summaryBox(
      `${project.config.name}: load in ${facts.month}`,
      [
        ['hours paid', load === null ? 'missing: state serving in business.yaml' : figures.number(load.hours)],
        ['utilisation', figures.share(serving?.utilisation ?? null)],
        [
          'output, a million',
          `${figures.money(serving?.outputMicrosPerMillion ?? null)} at this load, ${figures.money(serving?.fullLoadOutputMicrosPerMillion ?? null)} at full load`,
        ],
        [
          'input, a million',
          `${figures.money(serving?.inputMicrosPerMillion ?? null)} at this load, ${figures.money(serving?.fullLoadInputMicrosPerMillion ?? null)} at full load`,
        ],
        [
          'break-even',
          band === undefined
            ? figures.missing
            : `${figures.share(band.value)} of what it can do${Number.isFinite(band.high) ? ` (${figures.share(band.low)} to ${figures.share(band.high)})` : ''}, ${figures.number(breakEvenLoad?.outputTokensPerSecond ?? null)} tokens/s`,
        ],
      ],
      { columns: terminal.columns },
    ),
  );
  return { json: { month: facts.month, currency, load, capacity, serving, breakEvenLoad, curve } };
};
