import type { ComponentChildren } from 'preact';
import type { ModelSource, ModelSummary, Overview } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import { sourceName } from '../models/source-name.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';

interface ModelsPanelProps<M> {
  overview: Polled<{ models: M[]; currency: Overview['currency'] }>;
  title: string;
  /** What can be done with a model. */
  action?: (model: M) => ComponentChildren;
}

export function ModelsPanel<M extends Served>({ overview, title, action }: ModelsPanelProps<M>) {
  const { text } = useLocale();
  return (
    <Panel title={title} area="models" aside={text.models.perMillion}>
      <Loaded source={overview} skeletonLines={2}>
        {({ models, currency }) =>
          models.length === 0 ? (
            <Empty title={text.models.empty} hint={text.models.emptyHint} command="moat train" />
          ) : (
            <ul class="rows">
              {models.map((model) => (
                <Model key={model.id} model={model} currency={currency} action={action?.(model)} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

/** On the models page, also where it lies. */
type Served = ModelSummary & { source?: ModelSource | null };

function Model({ model, currency, action }: { model: Served; currency: string; action: ComponentChildren }) {
  const { text, format } = useLocale();
  const { inputMicrosPerMillionTokens: input, outputMicrosPerMillionTokens: output } = model;
  const facts = model.contextLength === null ? [] : [text.models.context(format.integer(model.contextLength))];
  if (model.parameterCount !== null) facts.unshift(text.models.parameters(format.compact(model.parameterCount)));
  return (
    <li class="row">
      <div class="row-main">
        <span class="row-name">{model.id}</span>
        <span class="row-note">{facts.join(' · ')}</span>
        {model.source != null && <span class="row-note">{sourceName(model.source)}</span>}
        {action}
      </div>
      <dl class="price">
        <div class="pair">
          <dt>{text.models.input}</dt>
          <dd>{input === null ? text.models.notForSale : format.money(input, currency)}</dd>
        </div>
        <div class="pair">
          <dt>{text.models.output}</dt>
          <dd>{output === null ? text.models.notForSale : format.money(output, currency)}</dd>
        </div>
      </dl>
    </li>
  );
}
