import type { TaskReportDetail, TaskScore } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Figure } from '../parts/figure.js';
import { IntervalList } from '../parts/interval-list.js';
import { ReportTable } from './report-table.js';
import { rangeText, scoreText, scoreWithRange, signed } from './score-text.js';
import { taskWord } from './task-words.js';

/** How one model does at its task: its figures, whether they are better, for whom they hold, and where it is wrong. */
export function ReportDetail({ report }: { report: TaskReportDetail }) {
  const { text, format } = useLocale();
  const { data, task, slices, worst, tables } = report;
  return (
    <div class="report">
      <dl class="figures figures-small">
        {report.measuredOn === null ? (
          <>
            <Figure label={text.evaluate.train} value={format.integer(data.train)} note={text.evaluate.examples} />
            <Figure
              label={text.data.validation}
              value={format.integer(data.validation)}
              note={text.data.validationHint}
            />
          </>
        ) : (
          <Figure label={text.evaluate.measuredOn} value={report.measuredOn} note={text.evaluate.measuredOnNote} />
        )}
        <Figure label={text.data.test} value={format.integer(data.test)} note={text.data.testHint} />
        <Figure label={text.evaluate.measured} value={format.day(report.writtenAt)} />
      </dl>
      <Scores report={report} />
      <Verdicts report={report} />
      {slices.length > 0 && (
        <section>
          <h3 class="part-title">{text.evaluate.slices}</h3>
          <Slices slices={slices} />
        </section>
      )}
      {tables.map((table) => (
        <ReportTable key={table.title} table={table} />
      ))}
      {worst.length > 0 && <Worst answers={worst} />}
      {task.notice !== null && (
        <p class="footnote" lang="en">
          <code>{task.notice}</code>
        </p>
      )}
    </div>
  );
}

function Scores({ report: { scores, peers } }: { report: TaskReportDetail }) {
  const { text, format, language } = useLocale();
  const cell = (score: TaskScore | undefined) => (
    <>
      {scoreText(format, score?.value ?? null) ?? '–'}
      {score !== undefined && <span class="cell-range">{rangeText(format, score)}</span>}
    </>
  );
  return (
    <section>
      <h3 class="part-title">{text.evaluate.scores}</h3>
      <p class="lead">{text.evaluate.scoresHint}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label={text.evaluate.scores}>
        <table class="table table-scores">
          <thead>
            <tr>
              <th scope="col">{text.evaluate.metric}</th>
              <th scope="col">{text.evaluate.thisModel}</th>
              {peers.map(({ name }) => (
                <th scope="col" key={name}>
                  {taskWord(language, name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {scores
              .map((score, index) => ({ score, index }))
              .filter(({ score }) => score.value !== null)
              .map(({ score, index }) => (
                <tr key={score.metric}>
                  <th scope="row">
                    <code>{score.metric}</code>
                  </th>
                  <td class="own">{cell(score)}</td>
                  {peers.map((peer) => (
                    <td key={peer.name}>{cell(peer.scores[index])}</td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Verdicts({ report: { peers } }: { report: TaskReportDetail }) {
  const { text, format, language } = useLocale();
  if (peers.length === 0) return null;
  const number = (value: number | null): string => (value === null ? '–' : signed(format, value));
  return (
    <section>
      <h3 class="part-title">{text.evaluate.verdicts}</h3>
      <ul class="rows-plain">
        {peers.map(({ name, comparison: { verdict, metric, difference, low, high, pValue } }) => (
          <li class="row row-top" key={name}>
            <span class="row-main">
              <span class="row-wrap">{text.evaluate.against(taskWord(language, name))}</span>
              <span class="row-note">
                <code>{metric}</code> {number(difference)} ({number(low)} … {number(high)})
                {pValue !== null && ` · p = ${format.decimal(pValue, 3)}`}
              </span>
            </span>
            <span class={`badge badge-${VERDICT_TONE[verdict]}`}>{text.evaluate.verdict[verdict]}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The colours of how a run ended. */
export const VERDICT_TONE = { better: 'finished', worse: 'failed', 'not decisive': 'open' } as const;

function Slices({ slices }: Pick<TaskReportDetail, 'slices'>) {
  const { text, format } = useLocale();
  return (
    <IntervalList
      rows={slices.flatMap(({ name, count, score }) =>
        score.value === null
          ? []
          : {
              key: name,
              label: (
                <>
                  <code>{name}</code> <span class="soft">{text.evaluate.examplesOf(format.integer(count))}</span>
                </>
              ),
              value: score.value,
              low: score.low,
              high: score.high,
              note: scoreWithRange(format, score) ?? '–',
            },
      )}
    />
  );
}

function Worst({ answers }: { answers: TaskReportDetail['worst'] }) {
  const { text } = useLocale();
  return (
    <section>
      <h3 class="part-title">{text.evaluate.worst}</h3>
      <p class="lead">{text.evaluate.worstHint}</p>
      <ul class="answers">
        {answers.map(({ input, expected, given, place }, index) => (
          <li class="answer" key={index}>
            <p class="exchange-text quote">{input}</p>
            <p class="answer-facts">
              {text.evaluate.expected} <code>{expected}</code> · {text.evaluate.given}{' '}
              <code class="tone-bad">{given}</code>
              {place !== null && (
                <>
                  {' · '}
                  <code class="soft">{place}</code>
                </>
              )}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
