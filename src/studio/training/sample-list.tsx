import { useId } from 'preact/hooks';
import type { RunHistory } from '../../base/run-history.js';
import { useLocale } from '../i18n/locale.js';

/** How the model went on with one and the same text at each measurement, the newest first: whether it learns to write. */
export function SampleList({ samples }: { samples: RunHistory['samples'] }) {
  const { text, format } = useLocale();
  const id = useId();
  if (samples.length === 0) return null;
  return (
    <section class="samples" aria-labelledby={id}>
      <div class="chart-head">
        <h4 class="chart-title" id={id}>
          {text.training.samples}
        </h4>
        <span class="chart-unit">{text.training.samplesHint}</span>
      </div>
      {/* whoever has no pointer scrolls it with the keyboard */}
      <ol class="sample-list" tabIndex={0} aria-labelledby={id}>
        {samples.toReversed().map((sample) => (
          <li class="sample" key={sample.step}>
            <span class="sample-step">{text.runs.atStep(format.integer(sample.step))}</span>
            <p class="sample-text">
              <span class="sample-prompt">{sample.prompt}</span>
              {sample.text === '' ? <em class="soft">{text.training.samplesEnd}</em> : sample.text}
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
}
