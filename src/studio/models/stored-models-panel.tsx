import type { ModelList, StoredModel } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import { scoreText } from '../evaluation/score-text.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { type Address, Link, withQuery } from '../router.js';
import { taskWord } from '../evaluation/task-words.js';

/** A model's name in the address. */
export const keyOf = ({ place, name }: Pick<StoredModel, 'place' | 'name'>): string => `${place}/${name}`;

interface StoredModelsPanelProps {
  models: Polled<ModelList>;
  chosen: StoredModel | undefined;
  address: Address;
}

/** Every model of the project's folders; the one that is looked at stands in the address. */
export function StoredModelsPanel({ models, chosen, address }: StoredModelsPanelProps) {
  const { text } = useLocale();
  return (
    <Panel title={text.stored.title} area="main">
      <Loaded source={models} skeletonLines={6}>
        {({ stored }) =>
          stored.length === 0 ? (
            <Empty title={text.stored.empty} hint={text.stored.emptyHint} command="moat train" />
          ) : (
            <table class="table cards" role="table">
              <thead role="rowgroup">
                <tr role="row">
                  <th role="columnheader">{text.playground.model}</th>
                  <th role="columnheader">{text.stored.kind}</th>
                  <th role="columnheader" class="number">
                    {text.stored.parameters}
                  </th>
                  <th role="columnheader" class="number">
                    {text.stored.size}
                  </th>
                  <th role="columnheader" class="number">
                    {text.stored.quality}
                  </th>
                </tr>
              </thead>
              <tbody role="rowgroup">
                {stored.map((model) => (
                  <Row key={keyOf(model)} model={model} current={model === chosen} address={address} />
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Row({ model, current, address }: { model: StoredModel; current: boolean; address: Address }) {
  const { text, format, language } = useLocale();
  const { name, place, kind, parameterCount, sizeBytes } = model;
  return (
    <tr role="row" class={current ? 'row-current' : undefined}>
      <td role="cell" class="card-title">
        <Link class="row-link" href={withQuery(address, 'model', keyOf(model))} how="replace" current={current}>
          {name}
        </Link>
      </td>
      <td role="cell" class="soft wrap" data-label={text.stored.kind}>
        {place === 'runs' ? <code>{kind}</code> : taskWord(language, kind)}
      </td>
      <td role="cell" class="number" data-label={text.stored.parameters}>
        {parameterCount === null ? '–' : format.compact(parameterCount)}
      </td>
      <td role="cell" class="number" data-label={text.stored.size}>
        {sizeBytes === null ? '–' : format.bytes(sizeBytes)}
      </td>
      <td role="cell" class="number" data-label={text.stored.quality}>
        <Quality model={model} />
      </td>
    </tr>
  );
}

function Quality({ model: { bitsPerByte, score } }: { model: StoredModel }) {
  const { text, format } = useLocale();
  if (bitsPerByte !== null) {
    return (
      <span>
        {format.decimal(bitsPerByte, 3)} <span class="soft">{text.stored.bits}</span>
      </span>
    );
  }
  const value = scoreText(format, score?.value ?? null);
  if (score === null || value === null) return <>–</>;
  return (
    <span>
      {value} <code class="soft">{score.metric}</code>
    </span>
  );
}
