import { useState } from 'preact/hooks';
import type { BusinessMarginLine, BusinessReport } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Panel } from '../parts/panel.js';
import { Segments } from '../parts/segments.js';

const WAYS = ['model', 'plan', 'customer'] as const;

/** Revenue, machine time and margin by model, plan or customer. */
export function MarginsPanel({ report }: { report: BusinessReport }) {
  const { text } = useLocale();
  const [by, setBy] = useState<(typeof WAYS)[number]>('model');
  const lines = report.margins[by];
  return (
    <Panel
      title={text.business.margins}
      area="wide"
      aside={
        <Segments
          name="margins-by"
          label={text.business.by}
          options={WAYS.map((value) => ({ value, label: text.business.marginsBy[value] }))}
          value={by}
          onChange={setBy}
        />
      }
    >
      {lines.length === 0 ? (
        <Empty title={text.business.noMargins} hint={text.business.noMarginsHint} />
      ) : (
        <>
          <table class="table cards">
            <thead>
              <tr>
                <th scope="col">{text.business.marginsBy[by]}</th>
                <th scope="col" class="number">
                  {text.business.outputTokens}
                </th>
                <th scope="col" class="number">
                  {text.business.revenue}
                </th>
                <th scope="col" class="number">
                  {text.business.cost}
                </th>
                <th scope="col" class="number">
                  {text.business.margin}
                </th>
                <th scope="col" class="number">
                  {text.business.share}
                </th>
              </tr>
            </thead>
            <tbody>
              {lines.map((line) => (
                <MarginRow key={line.name} line={line} currency={report.currency} />
              ))}
            </tbody>
          </table>
          <p class="footnote">{text.business.marginsHint}</p>
        </>
      )}
    </Panel>
  );
}

function MarginRow({ line, currency }: { line: BusinessMarginLine; currency: string }) {
  const { text, format } = useLocale();
  const { name, outputTokens, revenueMicros, costMicros, marginMicros, share } = line;
  const money = (micros: string | null): string =>
    micros === null ? text.state.notMeasured : format.money(micros, currency);
  const isLoss = marginMicros?.startsWith('-') === true;
  return (
    <tr>
      <td class="card-title">{name ?? text.business.noPlan}</td>
      <td class="number" data-label={text.business.outputTokens}>
        {format.compact(outputTokens)}
      </td>
      <td class="number" data-label={text.business.revenue}>
        {money(revenueMicros)}
      </td>
      <td class="number" data-label={text.business.cost}>
        {money(costMicros)}
      </td>
      <td class={`number ${isLoss ? 'tone-bad' : ''}`} data-label={text.business.margin}>
        {money(marginMicros)}
      </td>
      <td class="number" data-label={text.business.share}>
        {share === null ? '–' : format.share(share)}
      </td>
    </tr>
  );
}
