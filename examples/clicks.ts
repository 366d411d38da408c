/**
 * Writes what made-up people clicked of made-up lists, so that click ranking can be tried before there are real logs:
 *
 *     npx tsx examples/clicks.ts --impressions 4000 > clicks.jsonl && moat task click-ranking clicks.jsonl
 *
 * The process, all by the seed: 300 items, each of one of 12 topics, with a price from 1 to 100 and a quality drawn from N(0, 1)
 * that no column tells. 400 users of 6 trades; a trade likes 2 topics, a user one more of their own, and each has a price from
 * which on they find things dear. A list has 20 items by lot. The chance of a click is σ(−3.2 + 0.7 · quality + 2.2 where the
 * topic is liked − 1.2 where it is dear − 0.06 · place). What a column does is known of itself, what is liked only by pairs.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Rng } from '../src/base/rng.js';

const ITEMS = 300;
const TOPICS = 12;
const USERS = 400;
const TRADES = 6;
const LIST = 20;
const EFFECT = { none: -3.2, quality: 0.7, liked: 2.2, dear: -1.2, place: -0.06 };

export interface MadeClick {
  readonly impression: string;
  readonly time: number;
  readonly user: string;
  readonly trade: string;
  readonly item: string;
  readonly topic: string;
  readonly price: number;
  readonly place: number;
  readonly clicked: number;
}

export function makeClicks(impressions: number, seed: number): MadeClick[] {
  const rng = Rng.fromSeed(seed);
  const items = Array.from({ length: ITEMS }, () => ({
    topic: rng.below(TOPICS),
    price: 1 + rng.below(100),
    quality: rng.normal(),
  }));
  const likedByTrade = Array.from({ length: TRADES }, () => [rng.below(TOPICS), rng.below(TOPICS)]);
  const users = Array.from({ length: USERS }, () => {
    const trade = rng.below(TRADES);
    return { trade, liked: new Set([...(likedByTrade[trade] ?? []), rng.below(TOPICS)]), dearFrom: 20 + rng.below(80) };
  });
  const rows: MadeClick[] = [];
  for (let time = 0; time < impressions; time++) {
    const userNumber = rng.below(USERS);
    const { trade, liked, dearFrom } = users[userNumber] as (typeof users)[number];
    const shown = rng.shuffle(Array.from({ length: ITEMS }, (_, item) => item)).slice(0, LIST);
    for (const [place, itemNumber] of shown.entries()) {
      const { topic, price, quality } = items[itemNumber] as (typeof items)[number];
      const wish =
        EFFECT.none +
        EFFECT.quality * quality +
        (liked.has(topic) ? EFFECT.liked : 0) +
        (price >= dearFrom ? EFFECT.dear : 0) +
        EFFECT.place * place;
      const clicked = Number(rng.uniform() < 1 / (1 + Math.exp(-wish)));
      rows.push({
        impression: `i${time}`,
        time,
        user: `u${userNumber}`,
        trade: `trade ${trade}`,
        item: `item ${itemNumber}`,
        topic: `topic ${topic}`,
        price,
        place,
        clicked,
      });
    }
  }
  return rows;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: { impressions: { type: 'string', default: '4000' }, seed: { type: 'string', default: '1' } },
  });
  for (const row of makeClicks(Number(values.impressions), Number(values.seed)))
    process.stdout.write(`${JSON.stringify(row)}\n`);
}
