/** A customer's account in figures; his own portal shows the same. */
import type { CustomerAccount } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Chart } from '../parts/chart.js';
import { Figure } from '../parts/figure.js';

export function AccountFigures({ account }: { account: CustomerAccount }) {
  const { text, format } = useLocale();
  const { balanceMicros, reservedMicros, creditLineMicros, currency, days } = account;
  const charged = days.reduce((sum, day) => sum + BigInt(day.chargedMicros), 0n);
  const [requests, input, output] = (['requests', 'inputTokens', 'outputTokens'] as const).map((name) =>
    days.reduce((sum, day) => sum + day[name], 0),
  );
  const notes: string[] = [];
  if (reservedMicros !== '0') notes.push(text.account.reserved(format.money(reservedMicros, currency)));
  if (creditLineMicros !== '0') notes.push(text.account.creditLine(format.money(creditLineMicros, currency)));
  return (
    <dl class="figures figures-account">
      <Figure
        label={text.account.balance}
        value={format.money(balanceMicros, currency)}
        tone={BigInt(balanceMicros) > 0n ? 'plain' : 'bad'}
        note={notes.length === 0 ? text.account.prepaid : notes.join(' · ')}
      />
      <Figure
        label={text.account.charged}
        value={format.money(charged, currency)}
        note={text.account.lastDays(format.integer(days.length))}
      />
      <Figure label={text.account.requests} value={format.integer(requests ?? 0)} />
      <Figure
        label={text.account.tokens}
        value={format.compact((input ?? 0) + (output ?? 0))}
        note={text.today.tokensSplit(format.compact(input ?? 0), format.compact(output ?? 0))}
      />
    </dl>
  );
}

/** What was charged each day. Drawn with plain numbers: a chart is no account. */
export function AccountChart({ account, dark }: { account: CustomerAccount; dark: boolean }) {
  const { text, format, language } = useLocale();
  const { days, currency } = account;
  const money = (micros: number): string => format.money(BigInt(Math.round(micros)), currency);
  const dayAt = (index: number): string => {
    const day = days[Math.round(index)];
    return day === undefined ? '' : format.dayOfMonth(day.day);
  };
  const charged = days.map(({ chargedMicros }) => Number(chargedMicros));
  if (charged.every((micros) => micros === 0)) return null;
  return (
    <Chart
      key={days[0]?.day}
      title={text.account.byDay}
      unit={currency}
      lines={[{ label: text.account.charged, color: '--chart-train', filled: true }]}
      columns={[days.map((_, index) => index), charged]}
      description={text.account.chart(money(Math.max(...charged)))}
      height={170}
      fromZero={charged.every((micros) => micros >= 0)}
      formatX={dayAt}
      formatHovered={dayAt}
      formatY={money}
      look={`${language} ${dark ? 'dark' : 'light'}`}
    />
  );
}
