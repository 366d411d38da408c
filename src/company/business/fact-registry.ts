/** Every figure the canvas, the scenarios and the report may point at, by one name. A name that is not here is no fact. */
import type { Fact } from './fact.js';
import { costFacts, marginFacts, revenueFacts } from './money-facts.js';
import { customerFacts, loadFacts, outlookFacts } from './operating-facts.js';

export const FACTS: readonly Fact[] = [
  ...revenueFacts,
  ...marginFacts,
  ...costFacts,
  ...loadFacts,
  ...customerFacts,
  ...outlookFacts,
];

export const findFact = (id: string): Fact | undefined => FACTS.find((fact) => fact.id === id);
