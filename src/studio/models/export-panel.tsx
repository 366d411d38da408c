import { useCallback, useEffect, useState } from 'preact/hooks';
import type {
  ExportJob,
  ExportWish,
  ExportedModel,
  ModelExportList,
  StoredModel,
} from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, Problem } from '../parts/field.js';
import { Loaded, Panel } from '../parts/panel.js';

const IDLE_MS = 30_000;
const WORKING_MS = 700;
const KINDS = ['q8_0', 'q4_0', 'f16', 'f32', 'safetensors'] as const satisfies readonly ExportJob['kind'][];

/** What was written for programs elsewhere, and how far the one under way is. @param begun grows with each that is begun */
export function ExportsPanel({ api, begun }: { api: Api; begun: number }) {
  const { text } = useLocale();
  const [isWorking, setWorking] = useState(true);
  const list = usePolled(
    useCallback((signal: AbortSignal) => api.get<ModelExportList>('/api/exports', signal), [api, begun]),
    isWorking ? WORKING_MS : IDLE_MS,
  );
  const state = list.data?.job?.state;
  useEffect(() => setWorking(state === 'running'), [state, begun]);
  if (list.data !== undefined && list.data.job === null && list.data.exported.length === 0) return null;
  return (
    <Panel title={text.exports.title} area="wide" aside={text.exports.where}>
      <Loaded source={list} skeletonLines={2}>
        {({ job, exported }) => (
          <>
            {job !== null && job.state !== 'done' && <Job job={job} />}
            {job?.notes.map((note) => (
              <p class="notice" key={note} lang="en">
                {note}
              </p>
            ))}
            <ul class="rows rows-long">
              {exported.map((each) => (
                <Exported key={each.name} api={api} exported={each} />
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Job({ job: { name, state, fraction, problem } }: { job: ExportJob }) {
  const { text, format } = useLocale();
  if (state === 'failed') {
    return (
      <p class="notice notice-bad" role="alert">
        {text.exports.failed(name, problem ?? '')}
      </p>
    );
  }
  return (
    <div class="export-job" role="status">
      <span class="bar-label">{text.exports.writing(name)}</span>
      <span class="bar-note">{format.share(fraction)}</span>
      <progress class="progress" max={1} value={fraction} aria-label={text.exports.writing(name)} />
    </div>
  );
}

function Exported({ api, exported: { name, path, sizeBytes, writtenAt } }: { api: Api; exported: ExportedModel }) {
  const { text, format } = useLocale();
  const downloading = useAction(async () => {
    const address = URL.createObjectURL(await api.file(`/api/exports/${encodeURIComponent(name)}`));
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    URL.revokeObjectURL(address);
  });
  return (
    <li class="row">
      <div class="row-main">
        <code class="row-name">{path}</code>
        <span class="row-note">
          {sizeBytes === null ? text.exports.folder : format.bytes(sizeBytes)} · {format.dateTime(writtenAt)}
        </span>
        <Problem failure={downloading.failure} />
      </div>
      {sizeBytes !== null && (
        <button
          class="link"
          type="button"
          aria-label={text.exports.downloadOf(name)}
          disabled={downloading.busy}
          onClick={() => void downloading.run()}
        >
          {downloading.busy ? text.exports.downloading : text.exports.download}
        </button>
      )}
    </li>
  );
}

interface ExportDialogProps {
  api: Api;
  model: StoredModel;
  onClose: () => void;
  onBegun: () => void;
}

/** Chooses what a model is written as. */
export function ExportDialog({ api, model, onClose, onBegun }: ExportDialogProps) {
  const { text } = useLocale();
  const [kind, setKind] = useState<ExportJob['kind']>('q8_0');
  const [checkpoint, setCheckpoint] = useState(model.checkpoints[0] ?? '');
  const starting = useAction(async () => {
    const wish: ExportWish = { kind, ...(checkpoint === '' ? {} : { checkpoint }) };
    await api.post(`/api/models/${encodeURIComponent(model.name)}/export`, wish);
    onBegun();
  });
  return (
    <Dialog title={text.exports.dialog(model.name)} onClose={onClose}>
      <p class="dialog-text">{text.exports.why}</p>
      <Form
        submit={text.exports.submit}
        busy={starting.busy}
        failure={starting.failure}
        onSubmit={() => void starting.run()}
      >
        <ChoiceField
          label={text.exports.kind}
          hint={text.exports.hints[kind]}
          options={KINDS.map((value) => ({ value, label: text.exports.kinds[value] }))}
          value={kind}
          onValue={setKind}
        />
        {model.checkpoints.length > 1 && (
          <ChoiceField
            label={text.promote.checkpoint}
            options={model.checkpoints.map((name, index) => ({
              value: name,
              label: index === 0 ? text.promote.newest(name) : name,
            }))}
            value={checkpoint}
            onValue={setCheckpoint}
          />
        )}
      </Form>
    </Dialog>
  );
}
