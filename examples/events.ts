/**
 * Writes what made-up users did to made-up items, so that recommendation can be tried before there are real events:
 *
 *     npx tsx examples/events.ts --users 2000 > events.jsonl && moat task recommendation events.jsonl
 *
 * The process, all by the seed: 20 shelves of 25 items; an item's popularity on its shelf falls as 1 ÷ place (Zipf). A user
 * begins on a shelf at random. At each step: with 0.4 the item's sequel (the next on its shelf), else with 0.7 another of the same
 * shelf, with 0.2 one of the next shelf, with 0.1 one of any, by popularity; nobody takes an item twice. 5 to 40 events a user.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Rng } from '../src/base/rng.js';

const SHELVES = 20;
const ITEMS = 25;
const SEQUEL = 0.4;
const SAME_SHELF = 0.7;
const NEXT_SHELF = 0.9;

export interface MadeEvent {
  readonly user: string;
  readonly item: string;
  readonly time: number;
}

export function makeEvents(users: number, seed: number): MadeEvent[] {
  const rng = Rng.fromSeed(seed);
  const shares = Array.from({ length: ITEMS }, (_, place) => 1 / (place + 1));
  const total = shares.reduce((a, b) => a + b, 0);
  const popular = (): number => {
    let left = rng.uniform() * total;
    return shares.findIndex((share) => (left -= share) < 0);
  };
  const events: MadeEvent[] = [];
  for (let user = 0; user < users; user++) {
    let [shelf, place] = [rng.below(SHELVES), popular()];
    const had = new Set<string>();
    const length = 5 + rng.below(36);
    for (let step = 0; step < length; step++) {
      const item = `${shelf}-${place}`;
      if (!had.has(item)) events.push({ user: `u${user}`, item, time: step });
      had.add(item);
      if (rng.uniform() < SEQUEL) place = (place + 1) % ITEMS;
      else {
        const drawn = rng.uniform();
        if (drawn >= SAME_SHELF) shelf = drawn < NEXT_SHELF ? (shelf + 1) % SHELVES : rng.below(SHELVES);
        place = popular();
      }
    }
  }
  return events;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: { users: { type: 'string', default: '2000' }, seed: { type: 'string', default: '1' } },
  });
  for (const event of makeEvents(Number(values.users), Number(values.seed)))
    process.stdout.write(`${JSON.stringify(event)}\n`);
}
