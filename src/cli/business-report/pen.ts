/** What the report is made from, and what every section of it writes with. */
import type { BuildOrBuy } from '../../company/business/build-or-buy.js';
import type { BusinessLanguage, Figures } from '../../company/business/figures.js';
import type { Market } from '../../company/business/market.js';
import type { BusinessPicture } from '../../company/business/picture.js';
import type { StatedScenario } from '../../company/business/stated-scenario.js';
import type { FactMarks } from './marks.js';
import type { BusinessTexts } from './texts.js';

export interface ReportFacts {
  readonly picture: BusinessPicture;
  readonly market: Market | null;
  readonly scenario: StatedScenario | null;
  readonly buildOrBuy: BuildOrBuy | null;
  /** What an audit of the books found. */
  readonly books: { readonly balanced: boolean; readonly transactionCount: number };
  readonly timeZone: string;
}

export interface Pen {
  readonly texts: BusinessTexts;
  readonly figures: Figures;
  readonly marks: FactMarks;
  readonly language: BusinessLanguage;
}
