/** Several prompts in one request of `/v1/completions`, answered as one: the answers of the first prompt, then those of the next. */
import { createChannel } from '../../lab/generate/channel.js';
import { ApiProblem } from './api-problem.js';
import type { AnswerDone, AnswerPart, PreparedAnswer } from './backend.js';

/** Prompts of one request. */
export const MAX_PROMPTS = 16;

/** One prompt: a text or its tokens. */
type Prompt = string | number[];

/** @returns the prompts of a body, however it says them; a list of numbers is one prompt of tokens */
export function promptsOf(prompt: string | number[] | string[] | number[][]): Prompt[] {
  if (typeof prompt === 'string') return [prompt];
  return isTokens(prompt) ? [prompt] : prompt;
}

const isTokens = (prompt: number[] | string[] | number[][]): prompt is number[] => typeof prompt[0] === 'number';

/**
 * How much is asked for is known before any of it is looked at.
 * @param prepare one prompt
 * @throws ApiProblem 400 `invalid_value`, and what `prepare` throws
 */
export function preparePrompts(
  prompts: readonly Prompt[],
  { choices, maxChoices }: { readonly choices: number; readonly maxChoices: number },
  prepare: (prompt: Prompt) => PreparedAnswer,
): PreparedAnswer {
  if (prompts.length > MAX_PROMPTS) {
    throw refusal(`prompt: ${prompts.length} prompts; at most ${MAX_PROMPTS} are offered in one request.`);
  }
  if (prompts.length * choices > maxChoices) {
    throw refusal(
      `prompt: ${prompts.length} prompts with n ${choices} are more than the ${maxChoices} answers offered.`,
    );
  }
  return together(prompts.map((prompt) => prepare(prompt)));
}

const refusal = (message: string): ApiProblem => new ApiProblem(400, 'invalid_value', message, { param: 'prompt' });

/** One is itself; several run at the same time. When one fails, the others are stopped and waited for. */
function together(all: readonly PreparedAnswer[]): PreparedAnswer {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const sum = (of: (each: PreparedAnswer) => number): number => all.reduce((total, each) => total + of(each), 0);
  return {
    inputTokens: sum((each) => each.inputTokens),
    inputIsExact: all.every((each) => each.inputIsExact),
    maxOutputTokens: sum((each) => each.maxOutputTokens),
    choices: sum((each) => each.choices),
    run: (scope, signal) => runTogether(all, scope, signal),
  };
}

async function* runTogether(
  all: readonly PreparedAnswer[],
  scope: string,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart | AnswerDone> {
  const channel = createChannel<AnswerPart>();
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let firstChoice = 0;
  let failure: { readonly error: unknown } | undefined;
  const running = all.map((one) => {
    const offset = firstChoice;
    firstChoice += one.choices;
    const push = (part: AnswerPart): void => channel.push({ ...part, choice: part.choice + offset });
    return forward(one.run(scope, either), push).catch((error: unknown) => {
      failure ??= { error };
      stop.abort();
    });
  });
  const ended = Promise.all(running).then((outcomes) => {
    channel.end(failure?.error);
    return outcomes.flatMap((done) => done ?? []);
  });
  yield* channel.values(() => stop.abort());
  yield doneOfAll(await ended);
}

async function forward(
  events: AsyncIterable<AnswerPart | AnswerDone>,
  push: (part: AnswerPart) => void,
): Promise<AnswerDone> {
  let done: AnswerDone | undefined;
  for await (const event of events) {
    if (event.type === 'done') done = event;
    else push(event);
  }
  if (done === undefined) throw new Error('the engine ended without a result');
  return done;
}

function doneOfAll(all: readonly AnswerDone[]): AnswerDone {
  const sum = (of: (each: AnswerDone) => number): number => all.reduce((total, each) => total + of(each), 0);
  return {
    type: 'done',
    finishReasons: all.flatMap(({ finishReasons }) => finishReasons),
    inputTokens: sum((each) => each.inputTokens),
    cachedTokens: sum((each) => each.cachedTokens),
    outputTokens: sum((each) => each.outputTokens),
    reasoningTokens: sum((each) => each.reasoningTokens),
    computeMs: sum((each) => each.computeMs),
  };
}
