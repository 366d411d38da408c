import type { ReportComparison, TaskReportDetail, TaskScore } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { IntervalList } from '../parts/interval-list.js';
import { ComparisonVerdict } from './comparison-verdict.js';
import { scoreWithRange } from './score-text.js';

interface SideBySideProps {
  left: TaskReportDetail;
  right: TaskReportDetail;
  /** Null where they share no examples, and then no verdict is given. */
  comparison: ReportComparison | null;
}

/** Two reports, figure by figure on one scale. */
export function SideBySide({ left, right, comparison }: SideBySideProps) {
  const { text, format } = useLocale();
  const shared = left.scores.flatMap((ours) => {
    const theirs = right.scores.find(({ metric }) => metric === ours.metric);
    return theirs === undefined || ours.value === null || theirs.value === null ? [] : { ours, theirs };
  });
  const nameOf = ({ model, part }: TaskReportDetail): string => (part === null ? model : `${model}/${part}`);
  const rowOf = (report: TaskReportDetail, score: TaskScore, own: boolean) => ({
    key: nameOf(report),
    label: <code>{nameOf(report)}</code>,
    value: score.value ?? 0,
    low: score.low,
    high: score.high,
    note: scoreWithRange(format, score) ?? '–',
    own,
  });
  const slices = left.slices.flatMap(({ name, score }) => {
    const theirs = right.slices.find((slice) => slice.name === name && slice.score.metric === score.metric);
    if (theirs === undefined || score.value === null || theirs.score.value === null) return [];
    return [rowOf(left, score, true), rowOf(right, theirs.score, false)].map((row) => ({
      ...row,
      key: `${name} ${row.key}`,
      label: (
        <>
          <code>{name}</code> {row.label}
        </>
      ),
    }));
  });
  return (
    <div class="report">
      {comparison === null ? (
        <p class="notice">{left.task.name === right.task.name ? text.evaluate.unpaired : text.evaluate.otherTask}</p>
      ) : (
        <ComparisonVerdict comparison={comparison} left={nameOf(left)} right={nameOf(right)} />
      )}
      <div class="columns">
        {shared.map(({ ours, theirs }) => (
          <section class="column" key={ours.metric}>
            <h3 class="part-title">
              <code>{ours.metric}</code>{' '}
              <span class="soft">{ours.better === 'higher' ? text.evaluate.higher : text.evaluate.lower}</span>
            </h3>
            <IntervalList rows={[rowOf(left, ours, true), rowOf(right, theirs, false)]} />
          </section>
        ))}
      </div>
      {slices.length > 0 && (
        <section>
          <h3 class="part-title">{text.evaluate.slices}</h3>
          <IntervalList rows={slices} />
        </section>
      )}
    </div>
  );
}
