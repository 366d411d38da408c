import { useCallback, useState } from 'preact/hooks';
import type { CustomerPlan, PlanSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { type Locale, useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, TextField } from '../parts/field.js';
import { Loaded, Panel } from '../parts/panel.js';

const PLAN_MS = 60_000;

/** The plan a customer is on, and those that are offered in his currency. */
export function PlanPanel({ api, base, currency }: { api: Api; base: string; currency: string | undefined }) {
  const { text, format } = useLocale();
  const [open, setOpen] = useState<'choose' | 'cancel' | undefined>();
  const loaded = usePolled(
    useCallback(
      async (signal: AbortSignal) => {
        const [current, { plans }] = await Promise.all([
          api.get<CustomerPlan>(`${base}/plan`, signal),
          api.get<{ plans: PlanSummary[] }>('/api/plans', signal),
        ]);
        return { current, plans };
      },
      [api, base],
    ),
    PLAN_MS,
  );
  const plans = (loaded.data?.plans ?? []).filter((plan) => plan.currency === currency);
  const close = (): void => setOpen(undefined);
  const done = (): void => {
    close();
    loaded.reload();
  };
  const choose = (
    <button class="button button-small" type="button" onClick={() => setOpen('choose')}>
      {loaded.data?.current.plan == null ? text.plans.begin : text.plans.change}
    </button>
  );
  return (
    <Panel title={text.plans.title} area="half" aside={plans.length === 0 ? undefined : choose}>
      <Loaded source={loaded} skeletonLines={3}>
        {({ current }) =>
          current.plan === null ? (
            <p class="lead">{plans.length === 0 ? text.plans.noneOffered : text.plans.none}</p>
          ) : (
            <>
              <p class="headline-small">{current.plan.name}</p>
              <PlanFacts plan={current.plan} seats={current.seats} />
              {current.endsAt !== null ? (
                <p class="footnote">{text.plans.endsAt(format.day(current.endsAt))}</p>
              ) : (
                current.nextAt !== null && <p class="footnote">{text.plans.nextAt(format.day(current.nextAt))}</p>
              )}
              {current.endsAt === null && (
                <div class="panel-foot">
                  <button class="link tone-bad" type="button" onClick={() => setOpen('cancel')}>
                    {text.plans.cancel}
                  </button>
                </div>
              )}
            </>
          )
        }
      </Loaded>
      {open === 'choose' && (
        <ChoosePlan api={api} base={base} plans={plans} current={loaded.data?.current} onClose={close} onDone={done} />
      )}
      {open === 'cancel' && <CancelPlan api={api} base={base} onClose={close} onDone={done} />}
    </Panel>
  );
}

/** A plan's terms that are not nothing, each with its name. */
function factsOf(plan: PlanSummary, seats: number, { text, format }: Locale): [string, string][] {
  const money = (micros: string): string => text.plans.aMonth(format.money(micros, plan.currency));
  const facts: [string, string, string][] = [
    [text.plans.fee, plan.feeMicros, money(plan.feeMicros)],
    [text.plans.seat, plan.seatMicros, `${format.integer(seats)} × ${money(plan.seatMicros)}`],
    [text.plans.included, plan.creditMicros, money(plan.creditMicros)],
    [text.plans.minimum, plan.minimumMicros, money(plan.minimumMicros)],
  ];
  return facts.filter(([, micros]) => micros !== '0').map(([name, , shown]) => [name, shown]);
}

function PlanFacts({ plan, seats }: { plan: PlanSummary; seats: number }) {
  const locale = useLocale();
  return (
    <dl class="pairs">
      {factsOf(plan, seats, locale).map(([name, value]) => (
        <div class="pair" key={name}>
          <dt>{name}</dt>
          <dd class="pair-value">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface PlanDialogProps {
  api: Api;
  base: string;
  onClose: () => void;
  onDone: () => void;
}

function ChoosePlan(props: PlanDialogProps & { plans: readonly PlanSummary[]; current: CustomerPlan | undefined }) {
  const { text } = useLocale();
  const { plans, current } = props;
  const begins = current?.plan == null;
  const [name, setName] = useState(current?.plan?.name ?? plans[0]?.name ?? '');
  const [seats, setSeats] = useState(String(current?.seats ?? 0));
  const plan = plans.find((offered) => offered.name === name);
  const hasSeats = plan !== undefined && plan.seatMicros !== '0';
  const choosing = useAction(async () => {
    await props.api.post(`${props.base}/plan`, { plan: name, ...(hasSeats ? { seats: Number(seats) } : {}) });
    props.onDone();
  });
  return (
    <Dialog title={begins ? text.plans.begin : text.plans.change} onClose={props.onClose}>
      <p class="dialog-text">{begins ? text.plans.beginWhy : text.plans.changeWhy}</p>
      <Form
        submit={begins ? text.plans.begin : text.actions.save}
        busy={choosing.busy}
        failure={choosing.failure}
        onSubmit={() => void choosing.run()}
      >
        <ChoiceField
          label={text.plans.title}
          options={plans.map((offered) => ({ value: offered.name, label: offered.name }))}
          value={name}
          onValue={setName}
        />
        {hasSeats && (
          <TextField
            label={text.plans.seats}
            type="number"
            min={0}
            step={1}
            required
            value={seats}
            onValue={setSeats}
          />
        )}
        {plan !== undefined && <PlanFacts plan={plan} seats={Number(seats)} />}
      </Form>
    </Dialog>
  );
}

function CancelPlan({ api, base, onClose, onDone }: PlanDialogProps) {
  const { text } = useLocale();
  const [when, setWhen] = useState<'period-end' | 'now'>('period-end');
  const cancelling = useAction(async () => {
    await api.post(`${base}/plan/cancel`, { when });
    onDone();
  });
  return (
    <Dialog title={text.plans.cancel} onClose={onClose}>
      <Form
        submit={text.plans.cancel}
        danger
        busy={cancelling.busy}
        failure={cancelling.failure}
        onSubmit={() => void cancelling.run()}
      >
        <ChoiceField
          label={text.plans.when}
          hint={when === 'now' ? text.plans.nowHint : undefined}
          options={[
            { value: 'period-end', label: text.plans.periodEnd },
            { value: 'now', label: text.plans.now },
          ]}
          value={when}
          onValue={setWhen}
        />
      </Form>
    </Dialog>
  );
}
