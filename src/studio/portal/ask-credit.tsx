import { useCallback, useState } from 'preact/hooks';
import type { PortalTopUps, TopUpOffer, TopUpSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { TopUpTable } from '../customers/top-ups-panel.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { Form, TextField } from '../parts/field.js';
import { Loaded, Panel } from '../parts/panel.js';

const TOP_UPS_MS = 15_000;

interface AskCreditProps {
  api: Api;
  base: string;
  currency: string;
  onShow: (invoice: string) => void;
}

/** A customer asks for credit, sees how to pay it, and follows it until it is booked. */
export function AskCreditPanel({ api, base, currency, onShow }: AskCreditProps) {
  const { text } = useLocale();
  const [asking, setAsking] = useState(false);
  const [shown, setShown] = useState<TopUpSummary | undefined>();
  const topUps = usePolled(
    useCallback((signal: AbortSignal) => api.get<PortalTopUps>(`${base}/top-ups`, signal), [api, base]),
    TOP_UPS_MS,
  );
  const offer = topUps.data?.offer ?? null;
  const ask = (
    <button class="button button-small" type="button" onClick={() => setAsking(true)}>
      {text.topUps.ask}
    </button>
  );
  const asked = (topUp: TopUpSummary): void => {
    setAsking(false);
    setShown(topUp);
    topUps.reload();
  };
  return (
    <Panel title={text.topUps.title} area="wide" aside={offer === null ? undefined : ask}>
      <Loaded source={topUps} skeletonLines={2}>
        {(data) => (
          <TopUpTable
            api={api}
            base={base}
            topUps={data.topUps}
            empty={data.offer === null ? text.portal.topUp : text.topUps.empty}
            action={{ label: text.topUps.howToPay, run: setShown }}
            voidLabel={text.topUps.takeBack}
            onVoided={topUps.reload}
            onShow={onShow}
          />
        )}
      </Loaded>
      {asking && offer !== null && (
        <AskCredit
          api={api}
          base={base}
          currency={currency}
          offer={offer}
          onClose={() => setAsking(false)}
          onAsked={asked}
        />
      )}
      {shown !== undefined && <HowToPay topUp={shown} onClose={() => setShown(undefined)} />}
    </Panel>
  );
}

function AskCredit(props: {
  api: Api;
  base: string;
  currency: string;
  offer: TopUpOffer;
  onClose: () => void;
  onAsked: (topUp: TopUpSummary) => void;
}) {
  const { text, format } = useLocale();
  const [amount, setAmount] = useState('');
  const { currency, offer } = props;
  const asking = useAction(async () => {
    props.onAsked(await props.api.post<TopUpSummary>(`${props.base}/top-ups`, { amount: amount.trim() }));
  });
  const bounds = text.topUps.bounds(
    format.money(offer.minimumMicros, currency),
    format.money(offer.maximumMicros, currency),
  );
  return (
    <Dialog title={text.topUps.ask} onClose={props.onClose}>
      <p class="dialog-text">{text.topUps.why}</p>
      <Form submit={text.topUps.submit} busy={asking.busy} failure={asking.failure} onSubmit={() => void asking.run()}>
        <TextField
          label={text.credit.amount(currency)}
          hint={offer.tax === null ? bounds : `${bounds} ${text.topUps.tax(offer.tax.name, offer.tax.percent)}`}
          inputMode="decimal"
          pattern="[0-9]+([.][0-9]{1,2})?"
          placeholder="50.00"
          required
          autocomplete="off"
          value={amount}
          onValue={setAmount}
        />
      </Form>
    </Dialog>
  );
}

function HowToPay({ topUp, onClose }: { topUp: TopUpSummary; onClose: () => void }) {
  const { text, format } = useLocale();
  const { number, reference, dueMicros, amountMicros, currency, payment } = topUp;
  const pairs = [
    [text.invoices.toPay, format.money(dueMicros, currency)],
    [text.topUps.credit, format.money(amountMicros, currency)],
    [text.topUps.reference, reference],
  ] as const;
  return (
    <Dialog title={text.topUps.payTitle(number)} onClose={onClose}>
      <p class="dialog-text">{text.topUps.payWhy}</p>
      <dl class="pairs">
        {pairs.map(([label, value]) => (
          <div class="pair" key={label}>
            <dt>{label}</dt>
            <dd class="pair-value">{value}</dd>
          </div>
        ))}
      </dl>
      {payment.length === 0 ? (
        <p class="footnote">{text.portal.topUp}</p>
      ) : (
        <p class="party payment">
          {payment.map((line) => (
            <span key={line}>{line}</span>
          ))}
        </p>
      )}
    </Dialog>
  );
}
