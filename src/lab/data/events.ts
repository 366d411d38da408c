/**
 * What users did to items, in the order of time: a line is one event. Sequences are made of them a user at a time, and
 * split by leaving out the last (Kang & McAuley 2018, §4.1): last = test, the one before = validation, the rest trains.
 */
import { z } from 'zod';

/** Other names under which published logs hold the fields. */
export const EVENT_FIELD_NAMES = {
  user: ['user_id', 'userId', 'uid', 'visitorid', 'session_id', 'customer_id'],
  item: ['item_id', 'itemId', 'iid', 'movieId', 'movie_id', 'product_id', 'asin', 'parent_asin', 'article_id'],
  time: ['timestamp', 'ts', 'unixReviewTime', 'date', 'datetime', 'created_at', 'event_time'],
  rating: ['score', 'stars'],
} as const;

const identifier = (what: string) =>
  z
    .union([z.string().trim().min(1, `the ${what} is empty`), z.number().transform(String)], `no ${what}`)
    .pipe(z.string().max(1024, `the ${what} has over 1024 characters`));

/** A number as it stands, or a date of ISO 8601 in milliseconds. */
const time = z
  .union([z.number(), z.string().trim().min(1, 'the time is empty')], 'no time')
  .transform((value) => (typeof value === 'number' || value === '' ? Number(value) : timeOf(value)))
  .refine((value) => Number.isFinite(value), 'the time is neither a number nor a date like 2024-05-01T12:00:00Z');

function timeOf(text: string): number {
  const number = Number(text);
  return Number.isNaN(number) ? Date.parse(text) : number;
}

export const eventSchema = z.object({ user: identifier('user'), item: identifier('item'), time });

export interface ItemEvent {
  readonly user: string;
  readonly item: string;
  /** In the log's own unit: only the order counts. */
  readonly time: number;
}

/** Events by user, each user's in the order of time; equal times keep the order of the log. */
export function sequencesOf<Event extends ItemEvent>(events: readonly Event[]): Map<string, Event[]> {
  const byUser = new Map<string, Event[]>();
  for (const event of events) {
    const own = byUser.get(event.user);
    if (own === undefined) byUser.set(event.user, [event]);
    else own.push(event);
  }
  for (const own of byUser.values()) own.sort((a, b) => a.time - b.time); // stable
  return byUser;
}

/** An event that is asked for, with what the user did before it. */
export interface NextEvent extends ItemEvent {
  readonly history: readonly string[];
}

export interface LeftOneOut {
  readonly train: readonly NextEvent[];
  readonly validation: readonly NextEvent[];
  readonly test: readonly NextEvent[];
  /** Users with fewer events than a test, a validation and one to train on: they only train. */
  readonly shortUsers: number;
  /** The same item twice in a row, of which the later one says nothing. */
  readonly repeats: number;
}

const LEAST_EVENTS = 3;

/** Events of training carry no history: theirs are the training events before them. */
export function leaveOneOut(events: readonly ItemEvent[]): LeftOneOut {
  const train: NextEvent[] = [];
  const [validation, test]: [NextEvent[], NextEvent[]] = [[], []];
  let [shortUsers, repeats] = [0, 0];
  for (const all of sequencesOf(events).values()) {
    const own = all.filter(({ item }, at) => item !== all[at - 1]?.item);
    repeats += all.length - own.length;
    const trained = own.length < LEAST_EVENTS ? own.length : own.length - 2;
    if (own.length < LEAST_EVENTS) shortUsers++;
    const items = own.map(({ item }) => item);
    for (const [at, { user, item, time: when }] of own.entries()) {
      const side = at < trained ? train : at === trained ? validation : test;
      side.push({ user, item, time: when, history: side === train ? [] : items.slice(0, at) });
    }
  }
  return { train, validation, test, shortUsers, repeats };
}
