import { useId, useState } from 'preact/hooks';
import type { RunHistory } from '../../base/run-history.js';
import { useLocale } from '../i18n/locale.js';

type Samples = RunHistory['samples'];

/** How the model went on with the same texts at each measurement, the newest first: whether it learns to write. */
export function SampleList({ samples }: { samples: Samples }) {
  const { text, format } = useLocale();
  const id = useId();
  const [chosen, setChosen] = useState('');
  const prompts = [...new Set(samples.map(({ prompt }) => prompt))];
  if (samples.length === 0) return null;
  const shown = prompts.includes(chosen) ? samples.filter(({ prompt }) => prompt === chosen) : samples;
  return (
    <section class="samples" aria-labelledby={id}>
      <div class="chart-head">
        <h4 class="chart-title" id={id}>
          {text.training.samples}
        </h4>
        <span class="chart-unit">{text.training.samplesHint}</span>
        {prompts.length > 1 && (
          <select
            class="input sample-choice"
            aria-label={text.training.samplesOf}
            value={chosen}
            onChange={(event) => setChosen(event.currentTarget.value)}
          >
            <option value="">{text.training.samplesAll(format.integer(prompts.length))}</option>
            {prompts.map((prompt) => (
              <option key={prompt} value={prompt}>
                {shortened(prompt)}
              </option>
            ))}
          </select>
        )}
      </div>
      {/* whoever has no pointer scrolls it with the keyboard */}
      <ol class="sample-list" tabIndex={0} aria-labelledby={id}>
        {newestFirst(shown).map(({ step, ofStep }) => (
          <li class="sample" key={step}>
            <span class="sample-step">{text.runs.atStep(format.integer(step))}</span>
            <div class="sample-texts">
              {ofStep.map((sample) => (
                <p class="sample-text" key={sample.prompt}>
                  <span class="sample-prompt">{sample.prompt}</span>
                  {sample.text === '' ? <em class="soft">{text.training.samplesEnd}</em> : sample.text}
                </p>
              ))}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

const MOST_CHARACTERS = 48;

const shortened = (prompt: string): string =>
  prompt.length <= MOST_CHARACTERS ? prompt : `${prompt.slice(0, MOST_CHARACTERS)}…`;

/** Steps with what was written at each, in the order of the texts. */
function newestFirst(samples: Samples): { step: number; ofStep: Samples }[] {
  const steps = new Map<number, Samples>();
  for (const sample of samples) {
    const ofStep = steps.get(sample.step);
    if (ofStep === undefined) steps.set(sample.step, [sample]);
    else ofStep.push(sample);
  }
  return [...steps].map(([step, ofStep]) => ({ step, ofStep })).reverse();
}
