import type { BusinessReport } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Panel } from '../parts/panel.js';
import type { ScenarioResult } from './scenario-section.js';

/** Which assumption matters most: the profit at both ends of each, all others at their base. */
export function TornadoPanel({ report: { currency }, result }: { report: BusinessReport; result: ScenarioResult }) {
  const { text, format } = useLocale();
  const { tornado, base } = result;
  const money = (units: number): string => format.estimate(units, currency);
  const ends = tornado.flatMap(({ atLow, atHigh }) => [atLow, atHigh]);
  const [low, high] = [Math.min(...ends, base.estimatedProfit), Math.max(...ends, base.estimatedProfit)];
  const at = (value: number): number => (100 * (value - low)) / (high - low);
  return (
    <Panel title={text.business.tornado} area="wide">
      {tornado.length === 0 ? (
        <Empty title={text.business.noTornado} hint={text.business.noTornadoHint} />
      ) : (
        <>
          <table class="table tornado">
            <thead>
              <tr>
                <th scope="col">{text.business.assumption}</th>
                <th scope="col" class="number">
                  {text.business.atLow}
                </th>
                <th scope="col">{text.business.swing}</th>
                <th scope="col" class="number">
                  {text.business.atHigh}
                </th>
              </tr>
            </thead>
            <tbody>
              {tornado.map(({ assumption, atLow, atHigh }) => {
                const [from, to] = [at(Math.min(atLow, atHigh)), at(Math.max(atLow, atHigh))];
                return (
                  <tr key={assumption}>
                    <td class="tornado-name">{text.business.assumptions[assumption]}</td>
                    <td class="number tornado-low">{money(atLow)}</td>
                    <td class="tornado-bar" aria-hidden="true">
                      <span class="swing">
                        <span class="swing-bar" style={{ left: `${from}%`, width: `${to - from}%` }} />
                        <span class="swing-base" style={{ left: `${at(base.estimatedProfit)}%` }} />
                      </span>
                    </td>
                    <td class="number tornado-high">{money(atHigh)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
          <p class="footnote">{text.business.tornadoHint}</p>
        </>
      )}
    </Panel>
  );
}
