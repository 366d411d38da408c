/**
 * How a model writes: whether it repeats itself, ends by itself, and recites what it was trained on. Each figure stands
 * beside the same figure of people's text from the test documents, since people repeat themselves too.
 */
import type { TextEngine } from '../generate/engine.js';
import { wilsonInterval } from './metrics/accuracy.js';
import { type MemoryIndex, createMemoryIndex, distinct, repetition } from './text-metrics/diversity.js';
import { tokenizeForRouge } from './text-metrics/rouge.js';

export interface WritingFigures {
  readonly texts: number;
  /** Different n-grams of all texts together as a share of all, for 1, 2 and 3 words (or Chinese characters). */
  readonly distinct: readonly [number, number, number];
  /** Mean share of a text's 4-grams that stood in it before. */
  readonly repetition: number;
  /** Mean share of a text's characters in passages that stand word for word in the training text. */
  readonly recited: number;
  /** The longest such passage. */
  readonly longestRecited: string;
}

export interface WritingReport {
  readonly model: WritingFigures;
  /** The test documents, cut to the length of what the model wrote. */
  readonly people: WritingFigures;
  /** Answers that ended before their limit, as a share, with Wilson's 95 % interval. */
  readonly ended: { readonly share: number; readonly low: number; readonly high: number };
  readonly maxTokens: number;
  readonly outputTokens: number;
  /** Beginnings and what the model made of them, the first few. */
  readonly shown: readonly { readonly prompt: string; readonly text: string }[];
}

export interface WritingOptions {
  /** Test documents: their beginnings are continued. */
  readonly test: readonly string[];
  readonly training: readonly string[];
  readonly samples: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (written: number) => void;
}

/** How much of a document is given: words, or characters where nothing separates words. */
const GIVEN_WORDS = 6;
const GIVEN_CHARACTERS = 12;
const SHOWN = 3;

export async function measureWriting(engine: TextEngine, options: WritingOptions): Promise<WritingReport> {
  const { test, training, samples, seed, maxTokens, temperature, signal = new AbortController().signal } = options;
  const begun = test
    .map((text) => ({ prompt: beginningOf(text), rest: text.slice(beginningOf(text).length) }))
    .filter(({ prompt, rest }) => prompt !== '' && rest.trim() !== '')
    .slice(0, samples);
  const written: { prompt: string; text: string; isEnded: boolean }[] = [];
  let outputTokens = 0;
  for (const { prompt } of begun) {
    const promptTokens = engine.encode(prompt);
    const room = Math.min(maxTokens, engine.contextLength - promptTokens.length);
    if (room < 1) continue;
    let text = '';
    let isEnded = false;
    for await (const part of engine.generate(
      { promptTokens, maxTokens: room, temperature, seed: seed + written.length },
      signal,
    )) {
      if (part.type === 'text') {
        text += part.text;
        outputTokens += part.tokenCount;
      } else isEnded = part.finishReasons[0] === 'stop';
    }
    if (signal.aborted) break;
    written.push({ prompt, text, isEnded });
    options.onProgress?.(written.length);
  }
  const memory = createMemoryIndex(training);
  const meanLength = written.reduce((sum, { text }) => sum + text.length, 0) / Math.max(1, written.length);
  const people = begun.map(({ rest }) => rest.slice(0, Math.max(1, Math.round(meanLength))));
  const ended = written.filter(({ isEnded }) => isEnded).length;
  const [low, high] = wilsonInterval(ended, written.length);
  return {
    model: figuresOf(
      written.map(({ text }) => text),
      memory,
    ),
    people: figuresOf(people, memory),
    ended: { share: ended / written.length, low, high },
    maxTokens,
    outputTokens,
    shown: written.slice(0, SHOWN).map(({ prompt, text }) => ({ prompt, text })),
  };
}

function beginningOf(text: string): string {
  const characters = [...text];
  if (/\p{Script=Han}/u.test(characters.slice(0, GIVEN_CHARACTERS).join('')))
    return characters.slice(0, GIVEN_CHARACTERS).join('');
  return new RegExp(`^\\s*(?:\\S+\\s+){${GIVEN_WORDS - 1}}\\S+`, 'u').exec(text)?.[0] ?? '';
}

function figuresOf(texts: readonly string[], memory: MemoryIndex): WritingFigures {
  const tokens = texts.map((text) => tokenizeForRouge(text, 'characters'));
  const recited = texts.map((text) => memory.measure(text));
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  return {
    texts: texts.length,
    distinct: [distinct(tokens, 1), distinct(tokens, 2), distinct(tokens, 3)],
    repetition: mean(tokens.map((each) => repetition(each))),
    recited: mean(recited.map(({ share }) => share)),
    longestRecited: recited.reduce((best, { longest }) => (longest.length > best.length ? longest : best), ''),
  };
}
