import type { ModelSummary, Overview } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';

interface ModelsPanelProps {
  overview: Polled<Pick<Overview, 'models' | 'currency'>>;
  title: string;
}

export function ModelsPanel({ overview, title }: ModelsPanelProps) {
  const { text } = useLocale();
  return (
    <Panel title={title} area="models" aside={text.models.perMillion}>
      <Loaded source={overview} skeletonLines={2}>
        {({ models, currency }) =>
          models.length === 0 ? (
            <Empty title={text.models.empty} hint={text.models.emptyHint} command="moat serve" />
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

function Model({ model, currency }: { model: ModelSummary; currency: string }) {
  const { text, format } = useLocale();
  const { inputMicrosPerMillionTokens: input, outputMicrosPerMillionTokens: output } = model;
  const facts = model.contextLength === null ? [] : [text.models.context(format.integer(model.contextLength))];
  if (model.parameterCount !== null) facts.unshift(text.models.parameters(format.compact(model.parameterCount)));
  return (
    <li class="row">
      <div class="row-main">
        <span class="row-name">{model.id}</span>
        <span class="row-note">{facts.join(' · ')}</span>
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
