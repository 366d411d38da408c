import { useState } from 'preact/hooks';
import type { RunFormValues, RunSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, Problem } from '../parts/field.js';
import { isOnCluster } from './run-place.js';
import { RunForm } from './run-form.js';

interface RunControlsProps {
  api: Api;
  run: RunSummary;
  /** Something was done: look again. */
  onDone: (name: string) => void;
}

/** Stop, resume, fork: whatever the state of the run allows. */
export function RunControls({ api, run, onDone }: RunControlsProps) {
  const { text } = useLocale();
  const [open, setOpen] = useState<{ what: 'resume' | 'fork'; values: RunFormValues } | undefined>();
  const base = `/api/runs/${encodeURIComponent(run.name)}`;
  const stopping = useAction(async () => {
    await api.post(`${base}/stop`);
    onDone(run.name);
  });
  const following = useAction(async () => {
    await api.post(`${base}/resume`, {});
    onDone(run.name);
  });
  const opening = useAction(async (what: 'resume' | 'fork') => {
    setOpen({ what, values: await api.get<RunFormValues>(`${base}/training`) });
  });
  const close = (): void => setOpen(undefined);
  const done = (name: string): void => {
    close();
    onDone(name);
  };
  const running = run.state === 'running';
  const isLeft = run.place?.isLeft === true;
  return (
    <>
      <div class="run-actions">
        {isLeft && (
          <button
            class="button button-small"
            type="button"
            disabled={following.busy}
            onClick={() => void following.run()}
          >
            {text.training.follow}
          </button>
        )}
        {(running || isLeft) && (
          <button
            class="button button-small"
            type="button"
            disabled={stopping.busy || run.stopping}
            onClick={() => void stopping.run()}
          >
            {run.stopping ? text.training.stopping : text.training.stop}
          </button>
        )}
        {!running && !isLeft && run.state !== 'finished' && (
          <button class="button button-small" type="button" onClick={() => void opening.run('resume')}>
            {text.training.resume}
          </button>
        )}
        <button class="button button-small" type="button" onClick={() => void opening.run('fork')}>
          {text.training.fork}
        </button>
      </div>
      <div class="run-problem">
        <Problem failure={stopping.failure ?? following.failure ?? opening.failure} />
      </div>
      {open?.what === 'resume' && (
        <ResumeDialog api={api} run={run} base={base} values={open.values} onClose={close} onDone={done} />
      )}
      {open?.what === 'fork' && (
        <RunForm api={api} from={run.name} values={open.values} onClose={close} onStarted={done} />
      )}
    </>
  );
}

interface ResumeProps {
  api: Api;
  run: RunSummary;
  base: string;
  values: RunFormValues;
  onClose: () => void;
  onDone: (name: string) => void;
}

function ResumeDialog({ api, run, base, values, onClose, onDone }: ResumeProps) {
  const { text, format } = useLocale();
  // a cluster has room beside what this machine trains
  const busyWith = isOnCluster(run) ? null : values.training;
  const steps = values.checkpoints.toReversed();
  const [step, setStep] = useState(String(steps[0] ?? ''));
  const resuming = useAction(async () => {
    // the last one is what is gone on from anyway, also when a newer has been saved meanwhile
    await api.post(`${base}/resume`, step === String(steps[0] ?? '') ? {} : { fromStep: Number(step) });
    onDone(run.name);
  });
  return (
    <Dialog title={text.training.resumeTitle(run.name)} onClose={onClose}>
      <Form
        submit={resuming.busy ? text.training.starting : text.training.resume}
        busy={resuming.busy || steps.length === 0 || busyWith !== null}
        failure={resuming.failure}
        onSubmit={() => void resuming.run()}
      >
        {busyWith !== null && <p class="notice">{text.training.busy(busyWith)}</p>}
        {steps.length === 0 ? (
          <p class="notice">{text.training.noCheckpoint}</p>
        ) : (
          <ChoiceField
            label={text.training.fromCheckpoint}
            hint={text.training.resumeHint}
            options={steps.map((each, index) => ({
              value: String(each),
              label:
                index === 0
                  ? text.training.lastCheckpoint(format.integer(each))
                  : text.runs.atStep(format.integer(each)),
            }))}
            value={step}
            onValue={setStep}
          />
        )}
      </Form>
    </Dialog>
  );
}
