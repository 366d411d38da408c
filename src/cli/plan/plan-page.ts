/** The plan as a page that stands alone, in English or Chinese. */
import type { BusinessLanguage } from '../../company/business/figures.js';
import { escapeHtml } from '../data-report/charts.js';
import { figureTable, note, section, wholePage } from '../business-report/marks.js';
import { amountText, costText, durationText } from './plan-figures.js';
import type { PlanPicture } from './plan-picture.js';
import { budgetText, checkText, lawText, offerCells, remarks, sortedOffers } from './plan-rows.js';
import { planTexts } from './plan-texts.js';

export function renderPlanPage(picture: PlanPicture, language: BusinessLanguage): string {
  const texts = planTexts[language];
  const { columns } = texts;
  const quality = picture.bitsPerNat === undefined ? columns.loss : columns.bits;
  const titles = [columns.device, columns.depth, columns.parameters, columns.tokens, columns.passes, columns.time];
  const offers = sortedOffers(picture).map((offer) => offerCells(picture, offer, language));
  const runs = picture.runs.map((run) => [
    run.name,
    amountText(run.parameters, language),
    amountText(run.tokens, language),
    durationText(run.wallSeconds, language),
    (run.loss * (picture.bitsPerNat ?? 1)).toFixed(3),
  ]);
  const sources = picture.offers.map(({ device, isMeasured }) => [
    isMeasured ? texts.thisMachine : device.name,
    { html: escapeHtml(device.source), className: 'text' },
  ]);
  const cost = costText(picture.measuredMicros, picture.currency, language);
  const body = [
    section(
      texts.buys(budgetText(picture, language)),
      figureTable([...titles, columns.cost, quality], offers),
      ...remarks(picture, language).map(note),
      `<ul>${texts.limits.map((limit) => `<li>${escapeHtml(limit)}</li>`).join('')}</ul>`,
    ),
    section(
      texts.law,
      `<p><code>${escapeHtml(lawText(picture))}</code></p>`,
      note(texts.lawNote(picture.runs.length, `${(picture.fit.noise * 100).toFixed(1)} %`)),
    ),
    section(texts.checkTitle, `<p>${escapeHtml(checkText(picture, language))}</p>`),
    section(
      texts.runsTitle,
      figureTable([columns.run, columns.parameters, columns.tokens, columns.time, quality], runs),
      note(texts.runsNote(durationText(picture.measuredSeconds, language), cost)),
      ...picture.leftOut.map(({ name, why }) => note(`${texts.leftOut}: ${name} (${why})`)),
    ),
    section(texts.sources, figureTable([columns.device, columns.source], sources)),
  ];
  return wholePage(language, { title: picture.project, subtitle: texts.title, body });
}
