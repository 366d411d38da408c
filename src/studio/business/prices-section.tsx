/** Another price book on what was really used: who pays more, who less, and what would be sold under cost. */
import { useEffect, useId, useState } from 'preact/hooks';
import type { BusinessReplay, ModelSummary, Overview } from '../../company/gateway/api-types.js';
import { ApiFailure } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Form } from '../parts/field.js';
import { Empty, Panel } from '../parts/panel.js';
import { Publish } from './publish-dialog.js';
import { ReplayResult } from './replay-result.js';
import type { SectionProps } from './section.js';

export function PricesSection({ report, api }: SectionProps) {
  const { text } = useLocale();
  const [book, setBook] = useState('');
  const [replay, setReplay] = useState<BusinessReplay | undefined>();
  /** What was replayed, whatever is written since. */
  const [tried, setTried] = useState<unknown>();
  const [replayed, setReplayed] = useState(0);
  const prefill = useAction(async (keep: boolean) => {
    const { models } = await api.get<Overview>('/api/overview');
    const prices = bookOf(models, report.currency);
    setBook((written) => (keep && written !== '' ? written : prices));
  });
  useEffect(() => void prefill.run(true), [prefill.run]);
  // The book is kept from month to month, what it made of another one is not.
  useEffect(() => setReplay(undefined), [report.month]);
  const run = useAction(async () => {
    const written = parsed(book);
    setReplay(await api.post<BusinessReplay>('/api/business/replay', { month: report.month, book: written }));
    setTried(written);
    setReplayed((count) => count + 1);
  });
  return (
    <div class="dashboard">
      <Panel title={text.business.replayTitle} area="half">
        <p class="lead replay-why">{text.business.replayWhy}</p>
        <Form
          onSubmit={() => void run.run()}
          busy={run.busy}
          failure={run.failure ?? prefill.failure}
          submit={text.business.replay}
          aside={
            <>
              <FileChoice onText={setBook} />
              <button class="button button-quiet" type="button" onClick={() => void prefill.run(false)}>
                {text.business.todaysPrices}
              </button>
            </>
          }
        >
          <BookField book={book} onBook={setBook} />
        </Form>
      </Panel>
      <div class="replay-result area-half">
        {replay === undefined ? (
          <Panel title={text.business.change} area="wide">
            <Empty title={text.business.noReplay} hint={text.business.noReplayHint} />
          </Panel>
        ) : (
          <ReplayResult
            replay={replay}
            publish={<Publish key={replayed} api={api} book={tried} name={replay.book} />}
          />
        )}
      </div>
    </div>
  );
}

function BookField({ book, onBook }: { book: string; onBook: (book: string) => void }) {
  const { text } = useLocale();
  const id = useId();
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {text.business.book}
      </label>
      <textarea
        class="input input-code book"
        id={id}
        rows={18}
        spellcheck={false}
        placeholder="{ }"
        value={book}
        onInput={(event) => onBook(event.currentTarget.value)}
      />
    </div>
  );
}

function FileChoice({ onText }: { onText: (text: string) => void }) {
  const { text } = useLocale();
  return (
    <label class="button button-quiet file-choice">
      {text.business.chooseFile}
      <input
        class="visually-hidden"
        type="file"
        accept=".json,application/json"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file !== undefined) void file.text().then(onText);
        }}
      />
    </label>
  );
}

/** @throws ApiFailure in the server's own words for it, without a way there and back */
function parsed(book: string): unknown {
  try {
    return JSON.parse(book);
  } catch (error) {
    throw new ApiFailure(400, 'invalid_json', error instanceof Error ? error.message : String(error));
  }
}

/** A book of the prices in force, as a start. */
function bookOf(models: readonly ModelSummary[], currency: string): string {
  const flat = (micros: string) => ({ kind: 'flat', price: decimal(micros) });
  const entries = models.flatMap(({ id, inputMicrosPerMillionTokens: input, outputMicrosPerMillionTokens: output }) =>
    input === null || output === null ? [] : [[id, { input: flat(input), output: flat(output) }] as const],
  );
  return JSON.stringify({ name: 'next', currency, models: Object.fromEntries(entries) }, null, 2);
}

/** "1500000" → "1.50": exact, with two decimals at least. */
function decimal(micros: string): string {
  const digits = micros.padStart(7, '0');
  const [whole, part] = [digits.slice(0, -6), digits.slice(-6)];
  return `${whole}.${part.replace(/0{1,4}$/, '')}`;
}
