/** Reads a streamed answer chunk by chunk, and counts its tokens as they come. */
import type { AnswerEnd, AnswerPart } from '../backend.js';
import { type AttemptFailure, isRecord } from './attempt-failure.js';
import {
  type Piece,
  type UpstreamUsage,
  broken,
  chatPiece,
  endOf,
  isEmpty,
  objectIn,
  textPiece,
  usageIn,
} from './chunk-fields.js';
import { type TokenCounter, createTokenCounter } from './token-counter.js';

export interface AnswerReader {
  /**
   * @param data of one event
   * @returns the parts in it that say something; each is in the tally when it is given
   * @throws AttemptFailure `broken`, or what an error inside the stream means
   */
  read(data: string): Generator<AnswerPart, void>;
  readonly tally: Readonly<Tally>;
}

/** Of the parts given so far. */
export interface Tally {
  hasBegun: boolean;
  /** The engine said that this was all, or was stopped. */
  isEnded: boolean;
  /** It was stopped because it wrote far more than was asked for. */
  isOver: boolean;
  /** Of each answer; undefined where it has not ended. */
  readonly ends: (AnswerEnd | undefined)[];
  outputTokens: number;
  /** Part of `outputTokens`. */
  reasoningTokens: number;
  /** The engine wrote what a text does not show: markup around calls and thoughts. */
  hasMarkup: boolean;
  /** The latest it said; undefined where it said nothing, `'invalid'` where it makes no sense. */
  usage: UpstreamUsage | 'invalid' | undefined;
}

export interface ReaderSettings {
  readonly form: 'chat' | 'text';
  readonly choices: number;
  /** Of all answers together; what comes after is not counted. */
  readonly maxOutputTokens: number;
  /** Of the model's own tokenizer; undefined where it is not known. */
  readonly encode: ((text: string) => { readonly length: number }) | undefined;
  /** What an error object inside the stream means. */
  readonly failureIn: (error: unknown) => AttemptFailure;
}

/** How far counts of pieces may lie above the engine's own before it is stopped. */
const leeway = (tokens: number): number => 16 + tokens / 10;

export function createAnswerReader(settings: ReaderSettings): AnswerReader {
  const { form, choices, maxOutputTokens, encode, failureIn } = settings;
  const count = encode === undefined ? countPieces : countWith(encode);
  let seenTokens = 0;
  const tally: Tally = {
    hasBegun: false,
    isEnded: false,
    isOver: false,
    ends: Array.from({ length: choices }, () => undefined),
    outputTokens: 0,
    reasoningTokens: 0,
    hasMarkup: false,
    usage: undefined,
  };

  const partOf = (value: unknown, running: number | undefined): AnswerPart | undefined => {
    if (!isRecord(value)) throw broken('a choice is no object');
    const choice = value['index'] ?? 0;
    if (typeof choice !== 'number' || !(choice in tally.ends)) throw broken('a choice was not asked for');
    const end = endOf(value['finish_reason']);
    const piece = form === 'chat' ? chatPiece(value) : textPiece(value);
    tally.ends[choice] = end ?? tally.ends[choice];
    if (isEmpty(piece)) return undefined;
    const newTokens = Math.max(0, running === undefined ? count(choice, piece) : running - seenTokens);
    seenTokens += newTokens;
    const tokenCount = Math.min(newTokens, maxOutputTokens - tally.outputTokens);
    tally.hasBegun = true;
    tally.outputTokens += tokenCount;
    if (piece.reasoning !== '') tally.reasoningTokens += tokenCount;
    tally.hasMarkup ||= piece.reasoning !== '' || piece.toolCalls.length > 0;
    return {
      type: 'part',
      choice,
      text: piece.text,
      tokenCount,
      ...(piece.reasoning !== '' && { reasoning: piece.reasoning }),
      ...(piece.refusal !== '' && { refusal: piece.refusal }),
      ...(piece.toolCalls.length > 0 && { toolCalls: piece.toolCalls }),
      ...(piece.logprobs !== undefined && { formattedLogprobs: piece.logprobs }),
    };
  };

  return {
    tally,
    *read(data) {
      if (tally.isEnded) return;
      tally.isEnded = data === '[DONE]';
      if (tally.isEnded) return;
      const chunk = objectIn(data, 'a chunk');
      if (chunk['error'] != null) throw failureIn(chunk['error']);
      const list: unknown = chunk['choices'] ?? [];
      if (!Array.isArray(list)) throw broken('its choices are no list');
      const said = chunk['usage'] == null ? undefined : usageIn(chunk['usage']);
      tally.usage = said ?? tally.usage;
      // what an engine with one answer says it has written so far is exact
      const isRunning = encode === undefined && choices === 1 && typeof said === 'object' && said.outputTokens > 0;
      for (const value of list) {
        const part = partOf(value, isRunning ? said.outputTokens : undefined);
        if (part !== undefined) yield part;
      }
      tally.isOver = seenTokens > maxOutputTokens + leeway(maxOutputTokens);
      if (!tally.isOver) return;
      tally.isEnded = true;
      for (let choice = 0; choice < choices; choice++) tally.ends[choice] ??= 'length';
    },
  };
}

/** Each piece that says something is a token or more; where it lists the tokens, as many as it lists. */
function countPieces(_choice: number, { logprobs }: Piece): number {
  const tokens = isRecord(logprobs) ? (logprobs['content'] ?? logprobs['tokens']) : undefined;
  return Array.isArray(tokens) && tokens.length > 0 ? tokens.length : 1;
}

/** By the model's tokenizer. Text, thoughts and each call of each answer are texts of their own. */
function countWith(encode: (text: string) => { readonly length: number }): (choice: number, piece: Piece) => number {
  const counters = new Map<string, TokenCounter>();
  const add = (name: string, text: string): number => {
    if (text === '') return 0;
    const counter = counters.get(name) ?? createTokenCounter(encode);
    counters.set(name, counter);
    return counter.add(text);
  };
  return (choice, { text, reasoning, refusal, toolCalls }) =>
    add(`${choice} text`, text + refusal) +
    add(`${choice} reasoning`, reasoning) +
    toolCalls.reduce((sum, { index, function: call }) => {
      return sum + add(`${choice} call ${index}`, (call?.name ?? '') + (call?.arguments ?? ''));
    }, 0);
}
