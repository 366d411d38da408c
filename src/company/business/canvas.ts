/** The nine blocks (Osterwalder & Pigneur 2010), each entry beside the fact it points at, or marked as the claim it is. */
import { MoatError } from '../../base/errors.js';
import { BLOCKS, type Block, type BusinessFile, type CanvasEntry } from './business-file.js';
import type { Fact, FactValue } from './fact.js';
import { FACTS, findFact } from './fact-registry.js';
import type { BusinessPicture } from './picture.js';

export type Standing =
  /** A live fact stands behind it: measured, or booked. */
  | 'fact'
  /** So does a figure of the business file. */
  | 'stated'
  /** It points at a fact that was not measured yet. */
  | 'missing'
  /** Somebody else can look it up. */
  | 'evidence'
  /** Nothing stands behind it. */
  | 'claim';

export interface LinkedEntry {
  readonly text: string;
  readonly standing: Standing;
  readonly fact: Fact | undefined;
  readonly value: FactValue;
  readonly evidence: readonly string[];
}

export type Canvas = Readonly<Record<Block, readonly LinkedEntry[]>>;

/** @throws MoatError `unknown-fact` */
export function canvasOf({ canvas }: BusinessFile, picture: BusinessPicture): Canvas {
  const blocks = BLOCKS.map((block) => [
    block,
    canvas[block].map((entry) => linkEntry(entry, picture, `canvas.${block}`)),
  ]);
  return Object.fromEntries(blocks) as Canvas;
}

/** @param where named in the error. @throws MoatError `unknown-fact` */
export function linkEntry(
  { text, fact: id, evidence }: CanvasEntry,
  picture: BusinessPicture,
  where: string,
): LinkedEntry {
  if (id === undefined)
    return { text, standing: evidence.length > 0 ? 'evidence' : 'claim', fact: undefined, value: null, evidence };
  const fact = requireFact(id, where);
  const value = fact.value(picture);
  const known = fact.isStated === true ? 'stated' : 'fact';
  return { text, standing: value === null ? 'missing' : known, fact, value, evidence };
}

/** @throws MoatError `unknown-fact` */
export function requireFact(id: string, where: string): Fact {
  const fact = findFact(id);
  if (fact !== undefined) return fact;
  throw new MoatError('unknown-fact', `${where}: there is no fact "${id}"`, {
    fix: `One of ${FACTS.map((each) => each.id).join(', ')}.`,
  });
}
