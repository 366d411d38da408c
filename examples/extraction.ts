/**
 * Makes questions to texts out of texts, to try `moat task extraction` before anybody has asked any:
 *
 *     npx tsx examples/extraction.ts faq.jsonl --field answer > asked.jsonl && moat task extraction asked.jsonl
 *
 * A sentence of the text is asked for what was taken out of it: a name, a number, a path, a quotation ("what" or 什么 stands there, and
 * a quarter of the other words are left out). The answer is where it was taken from. For one question in three the sentence itself
 * is missing from the text, and what was asked for stands nowhere else in it: the text does not answer. Such questions lie nearer
 * to their sentence than those of people do: figures on them say which of two models is better, not how well people are answered.
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Rng } from '../src/base/rng.js';

export interface MadeQuestion {
  readonly question: string;
  readonly context: string;
  readonly answers: readonly { readonly text: string; readonly start: number }[];
  readonly group: string;
}

const QUESTIONS_A_TEXT = 4;
const LEFT_OUT = 0.25;
const UNANSWERED = 1 / 3;
const SHORTEST = 20;

/** Paths and names with signs in them, numbers, capitalised names within a sentence, quotations, Latin names in Chinese. */
const ASKED_FOR =
  /(?<=[“"「])[^”"」“「]{2,40}(?=[”"」])|(?<![\w/])[\w~]*[/.][\w./~+-]*[\w/]|(?<=[a-z,;:] )[A-Z][\w+-]*(?: [A-Z][\w+-]*)*|(?<=\p{Script=Han}) ?[A-Za-z][\w+.-]*[\w+](?= ?\p{Script=Han})|\b\d[\d.,]*\b/gu;

export function makeQuestions(text: string, group: string, rng: Rng): MadeQuestion[] {
  const sentences = [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)];
  const possible = sentences.flatMap(({ segment, index }) =>
    Array.from(segment.matchAll(ASKED_FOR), (match) => ({
      segment,
      index,
      answer: match[0].trim(),
      at: match.index + match[0].search(/\S/u),
    })),
  );
  return rng
    .shuffle(possible.filter(({ segment, answer }) => segment.trim().length >= SHORTEST && answer.length > 1))
    .slice(0, QUESTIONS_A_TEXT)
    .flatMap(({ segment, index, answer, at }) => {
      const question = askedIn(segment, answer, at, rng);
      const without = text.slice(0, index) + text.slice(index + segment.length);
      if (rng.uniform() < UNANSWERED) {
        // still a text, and without the answer anywhere
        const isGone = without.trim().length >= SHORTEST && !without.includes(answer);
        return isGone ? [{ question, context: without, answers: [], group }] : [];
      }
      return [{ question, context: text, answers: [{ text: answer, start: index + at }], group }];
    });
}

function askedIn(sentence: string, answer: string, at: number, rng: Rng): string {
  const asking = /\p{Script=Han}/u.test(sentence) ? '什么' : 'what';
  const worn = (part: string): string =>
    (part.match(/\p{Script=Han}|[^\s\p{Script=Han}]+\s*|\s+/gu) ?? []).filter(() => rng.uniform() >= LEFT_OUT).join('');
  return `${worn(sentence.slice(0, at))} ${asking} ${worn(sentence.slice(at + answer.length))}`.trim();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { field: { type: 'string', default: 'text' }, seed: { type: 'string', default: '1' } },
  });
  const rng = Rng.fromSeed(Number(values.seed));
  for (const line of (await readFile(positionals[0] ?? '/dev/stdin', 'utf8')).split('\n')) {
    if (line.trim() === '') continue;
    const record = JSON.parse(line) as Record<string, unknown>;
    const group = String(record['id'] ?? record['title'] ?? line.length);
    for (const made of makeQuestions(String(record[values.field] ?? ''), group, rng)) console.log(JSON.stringify(made));
  }
}
