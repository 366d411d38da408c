import { expect, it } from 'vitest';
import { emptyFacts, exampleFacts } from '../../../tests/business-example.js';
import { FACTS, findFact } from './fact-registry.js';
import { missingCommandOf } from './missing-facts.js';
import { businessPicture } from './picture.js';

const commandFor = (id: string, picture: ReturnType<typeof businessPicture>): string | null => {
  const fact = findFact(id);
  if (fact === undefined) throw new Error(id);
  return missingCommandOf(fact, picture);
};

it('where nothing was ever done, every missing fact says how to begin, but those that only time brings', () => {
  const picture = businessPicture(emptyFacts());
  const missing = FACTS.filter((fact) => fact.value(picture) === null);
  const silent = missing.filter((fact) => missingCommandOf(fact, picture) === null).map(({ id }) => id);
  expect(silent).toEqual(['customers.churn', 'customers.nrr']);
  expect(missing.length).toBeGreaterThan(15);
});

it('what is named is the first thing that lacks', () => {
  const facts = exampleFacts();
  expect(commandFor('load.utilisation', businessPicture({ ...facts, curve: null }))).toBe('moat bench serve');
  expect(commandFor('load.utilisation', businessPicture({ ...facts, hourlyMicros: null }))).toBe(
    'moat.config.ts business.machineHourlyPrice',
  );
  expect(commandFor('customers.cac', businessPicture({ ...facts, file: null }))).toBe('business.yaml channels');
  expect(commandFor('quality.own', businessPicture({ ...facts, quality: null }))).toBe('moat eval faq --data FILE');
});

it('nothing is asked for where nothing is missing', () => {
  const picture = businessPicture(exampleFacts());
  const known = FACTS.filter((fact) => fact.value(picture) !== null);
  expect(known.map((fact) => [fact.id, missingCommandOf(fact, picture)])).toEqual(known.map(({ id }) => [id, null]));
});
