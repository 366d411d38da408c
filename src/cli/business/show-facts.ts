import { commandOf } from '../../company/business/fact.js';
import { FACTS } from '../../company/business/fact-registry.js';
import { figuresFor } from '../../company/business/figures.js';
import type { BusinessPicture } from '../../company/business/picture.js';
import { readPicture } from '../stages/read-picture.js';
import { table } from '../terminal/table.js';
import type { BusinessAction } from './request.js';

/** Every figure by the name under which the business file may point at it. */
export const showFacts: BusinessAction = async ({ project, books, month, language, terminal }) => {
  const picture = await readPicture(project, books, month);
  const figures = figuresFor(language, picture.facts.currency, project.config.timeZone);
  const rows = FACTS.map((fact) => [
    fact.id,
    figures.fact(fact.value(picture), fact.unit),
    language === 'en' ? fact.name.en : fact.name.zh,
  ]);
  terminal.print(
    table([{ title: 'fact' }, { title: picture.facts.month, align: 'right' }, { title: '' }], rows, {
      columns: terminal.columns,
    }),
  );
  return { json: { month: picture.facts.month, currency: picture.facts.currency, facts: factsJson(picture) } };
};

/** Money in micro-units; null is missing. */
export const factsJson = (picture: BusinessPicture) =>
  FACTS.map((fact) => ({
    id: fact.id,
    unit: fact.unit,
    value: fact.value(picture),
    how: fact.how.en,
    command: commandOf(fact, picture),
  }));
