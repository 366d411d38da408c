import { type Figures, figuresFor } from '../../company/business/figures.js';
import type { TokenGoal } from '../../company/business/picture.js';
import { curveTable } from '../load/curve-table.js';
import { readPicture } from '../stages/read-picture.js';
import { summaryBox } from '../terminal/summary-box.js';
import type { BusinessAction } from './request.js';

/** What the machine can do, what it does, what a token costs at that, and at which load it pays. */
export const showLoad: BusinessAction = async ({ project, books, month, terminal }) => {
  const { facts, load, capacity, fullLoad, serving, breakEvenLoad, breakEvenTokens } = await readPicture(
    project,
    books,
    month,
  );
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
          `${figures.money(serving?.outputMicrosPerMillion ?? null)} at this load, ${figures.money(fullLoad?.outputMicrosPerMillion ?? null)} at full load`,
        ],
        [
          'input, a million',
          `${figures.money(serving?.inputMicrosPerMillion ?? null)} at this load, ${figures.money(fullLoad?.inputMicrosPerMillion ?? null)} at full load`,
        ],
        [
          'break-even',
          band === undefined
            ? figures.missing
            : `${figures.share(band.value)} of what it can do${Number.isFinite(band.high) ? ` (${figures.share(band.low)} to ${figures.share(band.high)})` : ''}, ${figures.number(breakEvenLoad?.outputTokensPerSecond ?? null)} tokens/s`,
        ],
        ['tokens to pay', tokenText(breakEvenTokens, figures)],
      ],
      { columns: terminal.columns },
    ),
  );
  return {
    json: { month: facts.month, currency, load, capacity, fullLoad, serving, breakEvenLoad, breakEvenTokens, curve },
  };
};

/** Output tokens that pay for the training, with the band of the capacity's error. */
function tokenText(goal: TokenGoal | null, figures: Figures): string {
  if (goal === null) return figures.missing;
  const count = (tokens: bigint | null): string => (tokens === null ? 'never' : figures.number(Number(tokens)));
  const band = goal.fewest === null ? '' : ` (${count(goal.fewest)} to ${count(goal.most)})`;
  return `${count(goal.tokens)}${goal.tokens === null ? ' at this price' : `${band} output tokens pay for the training`}`;
}
