import type { BusinessReport } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Panel } from '../parts/panel.js';

const WAYS = [
  ['own', 'estimatedOwn'],
  ['api', 'estimatedApi'],
  ['both', 'estimatedBoth'],
] as const;

/** The own model, a giant's API, or both, by volume, with quality beside it. */
export function ChoicePanel({ choice, currency }: { choice: NonNullable<BusinessReport['choice']>; currency: string }) {
  const { text, format } = useLocale();
  const nameOf = { own: text.business.own, api: text.business.giant, both: text.business.both };
  return (
    <Panel title={text.business.choice} area="wide">
      <table class="table cards choice">
        <thead>
          <tr>
            <th scope="col">{text.business.volume}</th>
            {WAYS.map(([way]) => (
              <th scope="col" class="number" key={way}>
                {nameOf[way]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {choice.rows.map((row) => (
            <tr key={row.millions}>
              <td class="card-title">{format.compact(row.millions * 1e6)}</td>
              {WAYS.map(([way, cost]) => (
                <td class="number" key={way} data-label={nameOf[way]}>
                  <span class={row.cheapest === way ? 'cheapest' : ''}>
                    {row.cheapest === way && <span class="visually-hidden">{text.business.cheapest} </span>}
                    {format.estimate(row[cost], currency)}
                  </span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{text.business.qualityRow}</th>
            {WAYS.map(([way]) => (
              <td class="number" key={way} data-label={nameOf[way]}>
                {choice.quality[way] === null ? text.state.notMeasured : format.quantity(choice.quality[way])}
              </td>
            ))}
          </tr>
        </tfoot>
      </table>
      <p class="footnote">
        {choice.crossoverMillions === null
          ? text.business.noCrossover
          : text.business.crossover(format.compact(choice.crossoverMillions * 1e6))}{' '}
        {text.business.choiceHint}
      </p>
    </Panel>
  );
}
