import type { Overview } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Figure } from '../parts/figure.js';
import { Loaded, Panel } from '../parts/panel.js';

export function TodayPanel({ overview }: { overview: Polled<Overview> }) {
  const { text } = useLocale();
  return (
    <Panel title={text.today.title} area="today">
      <Loaded source={overview} skeletonLines={2}>
        {(data) => <TodayFigures overview={data} />}
      </Loaded>
    </Panel>
  );
}

function TodayFigures({ overview }: { overview: Overview }) {
  const { text, format } = useLocale();
  const { today, total, currency } = overview;
  const margin = today.marginMicros === null ? null : BigInt(today.marginMicros);
  const share = margin === null ? null : format.percent(margin, BigInt(today.revenueMicros));
  const costEach =
    today.costMicros === null || today.requests === 0 ? null : BigInt(today.costMicros) / BigInt(today.requests);
  return (
    <dl class="figures">
      <Figure
        label={text.today.revenue}
        value={format.money(today.revenueMicros, currency)}
        note={text.today.total(format.money(total.revenueMicros, currency))}
      />
      <Figure
        label={text.today.cost}
        value={today.costMicros === null ? null : format.money(today.costMicros, currency)}
        note={costEach === null ? text.today.costHint : text.today.perRequest(format.money(costEach, currency))}
      />
      <Figure
        label={text.today.margin}
        value={margin === null ? null : format.money(margin, currency)}
        note={share === null ? text.today.noSales : text.today.marginShare(share)}
        tone={margin === null || margin === 0n ? 'plain' : margin > 0n ? 'good' : 'bad'}
      />
      <Figure label={text.today.requests} value={format.integer(today.requests)} />
      <Figure
        label={text.today.tokens}
        value={format.integer(today.inputTokens + today.outputTokens)}
        note={text.today.tokensSplit(format.integer(today.inputTokens), format.integer(today.outputTokens))}
      />
    </dl>
  );
}
