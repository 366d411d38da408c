/** What a figure of the business is: its unit, how it is measured, the command that shows where it comes from. */
import type { Micros, Rate } from '../../base/money.js';
import type { BusinessPicture } from './picture.js';

/** `money` is in micro-units; a `share` is 1 for all; `score` is in the metric's own unit. */
export type FactUnit = 'money' | 'share' | 'count' | 'tokens/s' | 'months' | 'date' | 'score';
/** Where there is no figure, and something is known all the same. */
export type FactState = 'reached' | 'never' | 'growing';
export type FactValue = Micros | number | Date | FactState | null;

export interface Fact {
  readonly id: string;
  readonly unit: FactUnit;
  readonly name: { readonly en: string; readonly zh: string };
  readonly how: { readonly en: string; readonly zh: string };
  /** Shows it, with what it is made of. */
  readonly command: string;
  /** The founder's word in the business file stands behind it, and no meter. */
  readonly isStated?: true;
  /** Null when it is missing. */
  value(picture: BusinessPicture): FactValue;
}

/** All that a month's figures are made of. */
export const REPORT_COMMAND = 'moat business report --month MONTH --json';

export const ratioOf = (rate: Rate | null | undefined): number | null =>
  rate === null || rate === undefined ? null : Number(rate.numerator) / Number(rate.denominator);

/** The command as it can be typed, for the month that is shown. */
export const commandOf = ({ command }: Pick<Fact, 'command'>, { facts }: BusinessPicture): string =>
  command.replace('MONTH', facts.month).replace('MODEL', facts.file?.evaluation?.model ?? 'MODEL');
