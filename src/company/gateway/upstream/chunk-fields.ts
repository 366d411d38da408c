/** The fields of a streamed chunk in OpenAI's form, each checked: an engine elsewhere is not believed. */
import type { AnswerEnd, ToolCallDelta } from '../backend.js';
import { AttemptFailure, isRecord } from './attempt-failure.js';

/** What the engine says it used. */
export interface UpstreamUsage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/** One piece of one answer, checked. */
export interface Piece {
  readonly text: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly toolCalls: readonly ToolCallDelta[];
  readonly logprobs: object | undefined;
}

export const broken = (what: string): AttemptFailure => new AttemptFailure('broken', `its answer is broken: ${what}`);

/** @param what the text is, for the message @throws AttemptFailure `broken`, as all here */
export function objectIn(data: string, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data);
    if (isRecord(value)) return value;
  } catch {
    // said below
  }
  throw broken(`${what} is no JSON object`);
}

export const isEmpty = ({ text, reasoning, refusal, toolCalls, logprobs }: Piece): boolean =>
  text === '' && reasoning === '' && refusal === '' && toolCalls.length === 0 && logprobs === undefined;

const NAMED_ENDS: Readonly<Record<string, AnswerEnd>> = {
  stop: 'stop',
  length: 'length',
  max_tokens: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
};
/** Of vLLM and DeepSeek: the answer was given up. */
const GIVEN_UP = new Set(['abort', 'error', 'insufficient_system_resource']);

export function endOf(reason: unknown): AnswerEnd | undefined {
  if (reason == null || reason === '') return undefined;
  if (typeof reason !== 'string') throw broken('a finish_reason is no text');
  if (GIVEN_UP.has(reason)) throw new AttemptFailure('unavailable', `it gave the answer up (${reason.slice(0, 40)})`);
  return Object.hasOwn(NAMED_ENDS, reason) ? NAMED_ENDS[reason] : 'stop';
}

export function chatPiece(choice: Record<string, unknown>): Piece {
  const delta = choice['delta'] ?? {};
  if (!isRecord(delta)) throw broken('a delta is no object');
  return {
    text: textIn(delta, 'content'),
    // DeepSeek and vLLM; OpenRouter, Ollama and newer vLLM
    reasoning: textIn(delta, 'reasoning_content') || textIn(delta, 'reasoning'),
    refusal: textIn(delta, 'refusal'),
    toolCalls: toolCallsIn(delta['tool_calls']),
    logprobs: logprobsIn(choice, 'content'),
  };
}

export const textPiece = (choice: Record<string, unknown>): Piece => ({
  text: textIn(choice, 'text'),
  reasoning: '',
  refusal: '',
  toolCalls: [],
  logprobs: logprobsIn(choice, 'tokens'),
});

/** Only where it lists at least one token. */
function logprobsIn(choice: Record<string, unknown>, list: string): object | undefined {
  const { logprobs } = choice;
  const tokens = isRecord(logprobs) ? logprobs[list] : undefined;
  return isRecord(logprobs) && Array.isArray(tokens) && tokens.length > 0 ? logprobs : undefined;
}

function textIn(from: Record<string, unknown>, field: string): string {
  const value = from[field];
  if (value == null) return '';
  if (typeof value !== 'string') throw broken(`${field} is no text`);
  return value;
}

function toolCallsIn(value: unknown): ToolCallDelta[] {
  if (value == null) return [];
  if (!Array.isArray(value)) throw broken('tool_calls are no list');
  return value.map((call: unknown, at) => {
    if (!isRecord(call)) throw broken('a call of a tool is no object');
    // some engines send whole calls and leave their places out
    const index = call['index'] ?? at;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0) throw broken('a call has no place');
    const named = call['function'] ?? {};
    if (!isRecord(named)) throw broken('the function of a call is no object');
    const [id, type, name, args] = [
      textIn(call, 'id'),
      textIn(call, 'type'),
      textIn(named, 'name'),
      textIn(named, 'arguments'),
    ];
    const said = { ...(name !== '' && { name }), ...(named['arguments'] != null && { arguments: args }) };
    return { index, ...(id !== '' && { id }), ...(type !== '' && { type }), function: said };
  });
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** Parts are clamped to their wholes; what is no count at all is not believed. */
export function usageIn(value: unknown): UpstreamUsage | 'invalid' {
  if (!isRecord(value)) return 'invalid';
  const [inputTokens, outputTokens = 0] = [value['prompt_tokens'], value['completion_tokens'] ?? 0];
  if (!isCount(inputTokens) || !isCount(outputTokens)) return 'invalid';
  const [ofInput, ofOutput] = [value['prompt_tokens_details'], value['completion_tokens_details']];
  const cached = (isRecord(ofInput) ? ofInput['cached_tokens'] : undefined) ?? value['prompt_cache_hit_tokens'] ?? 0;
  const reasoning = (isRecord(ofOutput) ? ofOutput['reasoning_tokens'] : undefined) ?? 0;
  if (!isCount(cached) || !isCount(reasoning)) return 'invalid';
  const sum = inputTokens + outputTokens;
  const total = value['total_tokens'] ?? sum;
  // some count reasoning beside the answer (xAI)
  const isBeside = total === sum + reasoning;
  if (total !== sum && !isBeside) return 'invalid';
  const allOutput = isBeside && total !== sum ? outputTokens + reasoning : outputTokens;
  return {
    inputTokens,
    outputTokens: allOutput,
    cachedTokens: Math.min(cached, inputTokens),
    reasoningTokens: Math.min(reasoning, allOutput),
  };
}
