import type { EvaluationList, RunEvaluation } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { IntervalList } from '../parts/interval-list.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { scoreWithRange } from './score-text.js';

/** Bits per byte of the models of runs, each among the baselines on the same text. */
export function RunEvaluations({ evaluations }: { evaluations: Polled<EvaluationList> }) {
  const { text } = useLocale();
  return (
    <Panel title={text.evaluate.runsTitle} area="wide" aside={text.evaluate.runsHint}>
      <Loaded source={evaluations} skeletonLines={5}>
        {({ runs }) =>
          runs.length === 0 ? (
            <Empty title={text.evaluate.noRuns} hint={text.evaluate.noRunsHint} command="moat eval" />
          ) : (
            <div class="columns">
              {runs.map((run) => (
                <Evaluated key={run.run} evaluation={run} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Evaluated({ evaluation }: { evaluation: RunEvaluation }) {
  const { text, format } = useLocale();
  const { run, step, documents, writtenAt, figures } = evaluation;
  const facts = [
    ...(step === null ? [] : [`${text.runs.step} ${format.integer(step)}`]),
    text.evaluate.documents(format.integer(documents)),
    format.day(writtenAt),
  ];
  return (
    <section class="column" aria-label={run}>
      <h3 class="row-name">{run}</h3>
      <p class="row-note">{facts.join(' · ')}</p>
      <IntervalList
        rows={figures.map(({ name, value, interval }) => ({
          key: name,
          label: text.evaluate.baselines[name],
          value,
          low: interval?.low ?? null,
          high: interval?.high ?? null,
          note: scoreWithRange(format, { value, low: interval?.low ?? null, high: interval?.high ?? null }) ?? '–',
          own: name === 'model',
        }))}
      />
    </section>
  );
}
