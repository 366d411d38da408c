import type { BestModel } from '../../lab/planning/best-model.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';
import { costText, durationText } from './plan-figures.js';
import type { PlanPicture } from './plan-picture.js';
import { budgetText, checkText, lawText, offerCells, remarks, sortedOffers } from './plan-rows.js';
import { planTexts } from './plan-texts.js';

/** The plan for the terminal. @param given options that the training of its model needs as well, each after a space */
export function showPlan(picture: PlanPicture, terminal: Terminal, given: string): void {
  const texts = planTexts.en;
  const { columns } = texts;
  const { noise, points } = picture.fit;
  terminal.print(`${lawText(picture)}   ${texts.lawNote(points.length, `${(noise * 100).toFixed(1)} %`)}`);
  terminal.print(checkText(picture, 'en'));
  for (const { name, why } of picture.leftOut) terminal.print(`left out: ${name} ${why}`);
  const cost = costText(picture.measuredMicros, picture.currency, 'en');
  terminal.print(texts.runsNote(durationText(picture.measuredSeconds, 'en'), cost));
  terminal.print(`\n${texts.buys(budgetText(picture, 'en'))}:`);
  const right = (title: string) => ({ title, align: 'right' as const });
  const rows = sortedOffers(picture).map((offer) => offerCells(picture, offer, 'en'));
  terminal.print(
    table(
      [
        { title: columns.device, minimum: 8 },
        right(columns.depth),
        right(columns.parameters),
        right(columns.tokens),
        right(columns.passes),
        right(columns.time),
        right(columns.cost),
        right(picture.bitsPerNat === undefined ? columns.loss : columns.bits),
      ],
      rows,
      { columns: terminal.columns },
    ),
  );
  for (const remark of remarks(picture, 'en')) terminal.print(remark);
  const here = picture.offers.find(({ isMeasured }) => isMeasured)?.best;
  if (here !== undefined && here !== null) terminal.print(`here: ${trainCommand(here, picture.tokensPerStep)}${given}`);
}

/** Minutes to spare: the run is to end by its steps. */
function trainCommand({ model, tokens, seconds }: BestModel, tokensPerStep: number): string {
  const steps = Math.max(1, Math.floor(tokens / tokensPerStep));
  return `moat train --depth ${model.depth} --steps ${steps} --minutes ${Math.ceil(seconds / 40)}`;
}
