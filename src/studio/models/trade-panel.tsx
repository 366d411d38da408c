import type { ModelList } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Panel } from '../parts/panel.js';
import { type Position, PositionMap } from '../parts/position-map.js';

/** What a larger model buys: size against quality, and how long a token takes where one has answered. */
export function TradePanel({ list: { stored, served } }: { list: ModelList }) {
  const { text, format } = useLocale();
  const points = stored.flatMap(({ place, name, sizeBytes, bitsPerByte }): Position[] => {
    if (sizeBytes === null || bitsPerByte === null) return [];
    const answering = served.find(({ source }) => place === 'runs' && source?.run === name);
    const msPerToken = answering?.engineMsPerToken ?? null;
    const facts = [
      format.bytes(sizeBytes),
      `${format.decimal(bitsPerByte, 3)} ${text.stored.bits}`,
      ...(msPerToken === null ? [] : [text.stored.perToken(format.milliseconds(msPerToken))]),
    ];
    return [
      {
        name,
        x: Math.log(sizeBytes),
        // fewer bits are better, and better is up
        y: -bitsPerByte,
        facts: facts.join(' · '),
        isMarked: answering !== undefined,
      },
    ];
  });
  const [xName, yName] = [text.stored.size, text.stored.quality];
  return (
    <Panel title={text.stored.trade} area="wide">
      {points.length < 2 ? (
        <Empty title={text.stored.noTrade} hint={text.stored.noTradeHint} command="moat eval" />
      ) : (
        <PositionMap points={points} xName={xName} yName={yName} label={text.business.positions(xName, yName)} />
      )}
    </Panel>
  );
}
