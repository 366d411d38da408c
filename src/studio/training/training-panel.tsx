import type { RunSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { RunControls } from './run-controls.js';
import { RunDetail } from './run-detail.js';

interface TrainingPanelProps {
  api: Api;
  runs: Polled<RunSummary[]>;
  dark: boolean;
  /** The name of the run that is looked at; null for the one that matters most. */
  chosen: string | null;
  onChoose: (name: string) => void;
  /** Something was done to a run, which is then looked at. */
  onChanged: (name: string) => void;
}

export function TrainingPanel({ api, runs, dark, chosen, onChoose, onChanged }: TrainingPanelProps) {
  const { text } = useLocale();
  return (
    <Panel title={text.runs.title} area="training">
      <Loaded source={runs} skeletonLines={6}>
        {(list) => {
          const shown =
            list.find((run) => run.name === chosen) ?? list.find((run) => run.state === 'running') ?? list[0];
          if (shown === undefined) {
            return <Empty title={text.runs.empty} hint={text.runs.emptyHint} command="moat train" />;
          }
          return (
            <div class="training">
              <nav class="run-list" aria-label={text.runs.list}>
                {list.map((run) => (
                  <RunButton key={run.name} run={run} current={run === shown} onChoose={() => onChoose(run.name)} />
                ))}
              </nav>
              <RunDetail
                key={shown.name}
                api={api}
                run={shown}
                dark={dark}
                controls={<RunControls api={api} run={shown} onDone={onChanged} />}
              />
            </div>
          );
        }}
      </Loaded>
    </Panel>
  );
}

function RunButton({ run, current, onChoose }: { run: RunSummary; current: boolean; onChoose: () => void }) {
  const { text, format } = useLocale();
  return (
    <button class="run" type="button" aria-current={current} onClick={onChoose}>
      <span class="run-name">{run.name}</span>
      <span class="run-note">
        <span class={`dot dot-${run.state}`} aria-hidden="true" />
        {text.runs.states[run.state]}
        {run.loss !== null && ` · ${text.runs.loss} ${format.decimal(run.loss, 2)}`}
      </span>
    </button>
  );
}
