/** The lines of a plan that terminal and page share. */
import { type BusinessLanguage, figuresFor } from '../../company/business/figures.js';
import { amountText, costText, durationText, estimateText, passesText, scaled } from './plan-figures.js';
import type { Offer, PlanPicture } from './plan-picture.js';
import { planTexts } from './plan-texts.js';

export function budgetText({ budget, currency }: PlanPicture, language: BusinessLanguage): string {
  if ('micros' in budget) return figuresFor(language, currency).money(budget.micros);
  return durationText(budget.hours * 3600, language);
}

/** The best first, of equals the cheapest; machines that offer nothing last. */
export function sortedOffers({ offers }: PlanPicture): Offer[] {
  const order = ({ best, costMicros }: Offer): [number, number] => [
    best?.loss.value ?? Number.MAX_VALUE,
    costMicros === null ? Number.MAX_VALUE : Number(costMicros),
  ];
  return [...offers].sort((a, b) => {
    const [[lossA, costA], [lossB, costB]] = [order(a), order(b)];
    return lossA - lossB || costA - costB;
  });
}

/** Machine, depth, parameters, tokens, passes, time, cost, quality. */
export function offerCells(picture: PlanPicture, offer: Offer, language: BusinessLanguage): string[] {
  const texts = planTexts[language];
  const { best, device, costMicros, why } = offer;
  const name = offer.isMeasured ? texts.thisMachine : device.name;
  if (best === null) return [name, '', '', '', '', '', '', why === undefined ? '' : texts[why]];
  const { bitsPerNat } = picture;
  return [
    name,
    `${best.model.depth}`,
    amountText(best.model.parameters, language),
    amountText(best.tokens, language),
    `${passesText(best.passes)}${best.limit === 'texts' ? '*' : ''}`,
    durationText(best.seconds, language),
    costText(costMicros, picture.currency, language),
    estimateText(bitsPerNat === undefined ? best.loss : scaled(best.loss, bitsPerNat)),
  ];
}

export function lawText({ fit }: PlanPicture): string {
  const { floor, parameterFactor, parameterExponent, tokenFactor, tokenExponent } = fit.law;
  const part = (factor: number, name: string, exponent: number): string =>
    `${factor.toPrecision(3)} ÷ ${name}^${exponent.toFixed(3)}`;
  return `L(N, D) = ${floor.toFixed(2)} + ${part(parameterFactor, 'N', parameterExponent)} + ${part(tokenFactor, 'D', tokenExponent)}`;
}

export function checkText({ check, bitsPerNat }: PlanPicture, language: BusinessLanguage): string {
  const texts = planTexts[language];
  if ('why' in check) return texts.unchecked(check.name, check.why);
  const by = bitsPerNat ?? 1;
  const say = check.holds ? texts.held : texts.missed;
  return say(check.name, estimateText(scaled(check.predicted, by)), (check.measured * by).toFixed(2));
}

/** What else has to be known about the table. */
export function remarks(picture: PlanPicture, language: BusinessLanguage): string[] {
  const texts = planTexts[language];
  const bought = picture.offers.flatMap(({ best }) => (best === null ? [] : [best]));
  const measured = Math.max(...picture.runs.map(({ flopsPerToken, tokens }) => flopsPerToken * tokens));
  const reach = Math.max(0, ...bought.map(({ model, tokens }) => model.flopsPerToken * tokens)) / measured;
  return [
    ...(bought.some(({ limit }) => limit === 'texts') ? [texts.textsUsedUp] : []),
    ...(reach > 1 ? [texts.reach(amountText(Number(reach.toPrecision(2)), language))] : []),
  ];
}
