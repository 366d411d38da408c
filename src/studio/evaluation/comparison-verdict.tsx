import type { ReportComparison } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { VERDICT_TONE } from './report-detail.js';
import { signed } from './score-text.js';

interface ComparisonVerdictProps {
  comparison: ReportComparison;
  left: string;
  right: string;
}

/** Whether one of two models is better on the examples that both answered, or whether chance would do as much. */
export function ComparisonVerdict({ comparison, left, right }: ComparisonVerdictProps) {
  const { text, format } = useLocale();
  const { metric, test, examples, leftExamples, rightExamples, onlyLeft, onlyRight } = comparison;
  const { difference, low, high, pValue, verdict, leftValue, rightValue } = comparison;
  const figure = (value: number): string => format.decimal(value, 3);
  return (
    <section class="verdict" aria-label={text.evaluate.paired}>
      <h3 class="part-title">
        {text.evaluate.paired}{' '}
        <span class={`badge badge-${VERDICT_TONE[verdict]}`}>{text.evaluate.pairedVerdict[verdict]}</span>
      </h3>
      <dl class="pairs">
        <div class="pair">
          <dt>
            <code>{metric}</code>
          </dt>
          <dd class="pair-value">
            <code>{left}</code> {figure(leftValue)} · <code>{right}</code> {figure(rightValue)}
          </dd>
        </div>
        <div class="pair">
          <dt>{text.evaluate.difference}</dt>
          <dd class="pair-value">
            {signed(format, difference)} ({signed(format, low)} … {signed(format, high)})
          </dd>
        </div>
        <div class="pair">
          <dt>{text.evaluate.tests[test]}</dt>
          <dd class="pair-value">
            {pValue < 0.001 ? `p < ${format.decimal(0.001, 3)}` : `p = ${format.decimal(pValue, 3)}`}
          </dd>
        </div>
        <div class="pair">
          <dt>{text.evaluate.shared}</dt>
          <dd class="pair-value">
            {text.evaluate.sharedOf(
              format.integer(examples),
              format.integer(leftExamples),
              format.integer(rightExamples),
            )}
          </dd>
        </div>
        <div class="pair">
          <dt>{text.evaluate.onlyOne}</dt>
          <dd class="pair-value">
            <code>{left}</code> {format.integer(onlyLeft)} · <code>{right}</code> {format.integer(onlyRight)}
          </dd>
        </div>
      </dl>
    </section>
  );
}
