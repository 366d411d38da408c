import type { ModelSource, ModelSummary, Overview } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import { sourceName } from '../models/source-name.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';

/** On the models page, also where it lies. */
type Served = ModelSummary & { source?: ModelSource | null };

interface ModelsPanelProps {
  overview: Polled<{ models: Served[]; currency: Overview['currency'] }>;
  title: string;
}

export function ModelsPanel({ overview, title }: ModelsPanelProps) {
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
                <Model key={model.id} model={model} currency={currency} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Model({ model, currency }: { model: Served; currency: string }) {
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
