import type { Overview } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { NotMeasured } from '../parts/figure.js';
import { Loaded, Panel } from '../parts/panel.js';

export function BreakEvenPanel({ overview }: { overview: Polled<Overview> }) {
  const { text } = useLocale();
  return (
    <Panel title={text.breakEven.title} area="break-even">
      <Loaded source={overview} skeletonLines={4}>
        {(data) => <BreakEven overview={data} />}
      </Loaded>
    </Panel>
  );
}

function BreakEven({ overview }: { overview: Overview }) {
  const { text, format } = useLocale();
  const { total, currency } = overview;
  const training = total.trainingCostMicros === null ? null : BigInt(total.trainingCostMicros);
  const serving = total.servingCostMicros === null ? null : BigInt(total.servingCostMicros);
  const earned = serving === null ? null : BigInt(total.revenueMicros) - serving;
  const money = (micros: bigint | null) => (micros === null ? <NotMeasured /> : format.money(micros, currency));
  return (
    <>
      <Headline overview={overview} />
      {training !== null && earned !== null && training > 0n && (
        <progress
          class="progress"
          aria-label={text.breakEven.progress}
          max={1000}
          value={Number((clamp(earned, training) * 1000n) / training)}
        />
      )}
      <dl class="pairs">
        <div class="pair">
          <dt>{text.breakEven.earned}</dt>
          <dd>{money(earned)}</dd>
        </div>
        <div class="pair">
          <dt>{text.breakEven.training}</dt>
          <dd>{money(training)}</dd>
        </div>
      </dl>
      {earned !== null && training !== null && (
        <p class="footnote">
          {format.percent(clamp(earned, training), training) ?? ''} · {text.breakEven.earnedHint}
        </p>
      )}
    </>
  );
}

const clamp = (value: bigint, limit: bigint): bigint => (value < 0n ? 0n : value > limit ? limit : value);

function Headline({ overview }: { overview: Overview }) {
  const { text, format } = useLocale();
  const { tokensToBreakEven, trainingCostMicros, servingCostMicros } = overview.total;
  const served = overview.total.revenueMicros !== '0';
  const priced = overview.models.some((model) => model.outputMicrosPerMillionTokens !== null);
  if (tokensToBreakEven === 0)
    return <Verdict title={text.breakEven.paid} lead={text.breakEven.paidLead} tone="good" />;
  if (tokensToBreakEven !== null) {
    return (
      <>
        <p class="headline">
          {format.compact(tokensToBreakEven)} <span class="headline-unit">{text.breakEven.remaining}</span>
        </p>
        <p class="lead">{text.breakEven.lead}</p>
      </>
    );
  }
  // No number for want of a measurement, or because the price does not cover the cost: the facts tell which.
  const known = trainingCostMicros !== null && servingCostMicros !== null && served && priced;
  return known ? (
    <Verdict title={text.breakEven.never} lead={text.breakEven.neverLead} tone="bad" />
  ) : (
    <Verdict title={text.state.notMeasured} lead={text.breakEven.unknownLead} tone="soft" />
  );
}

function Verdict({ title, lead, tone }: { title: string; lead: string; tone: 'good' | 'bad' | 'soft' }) {
  return (
    <>
      <p class={`headline tone-${tone}`}>{title}</p>
      <p class="lead">{lead}</p>
    </>
  );
}
