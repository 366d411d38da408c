import { expect, test } from 'vitest';
import type { AnswerDone, AnswerPart, PreparedAnswer } from './backend.js';
import { MAX_PROMPTS, preparePrompts, promptsOf } from './prompt-list.js';

const bounds = { choices: 1, maxChoices: 16 };

/** Says its prompt for each choice, a turn later than the prompt before it. */
function scripted(prompt: string | number[], { choices = 1, fail = false } = {}) {
  const seen = { aborted: false };
  const prepared: PreparedAnswer = {
    inputTokens: prompt.length,
    inputIsExact: true,
    maxOutputTokens: 5 * choices,
    choices,
    async *run(_: string, signal: AbortSignal): AsyncGenerator<AnswerPart | AnswerDone> {
      for (let choice = choices - 1; choice >= 0; choice--) {
        await new Promise((resolve) => setImmediate(resolve));
        if (fail) throw new Error('broken');
        yield { type: 'part', choice, text: `${prompt} ${choice}`, tokenCount: 2 };
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.aborted = signal.aborted;
      yield {
        type: 'done',
        finishReasons: Array(choices).fill(prompt.length > 1 ? 'length' : 'stop'),
        inputTokens: prompt.length,
        cachedTokens: 1,
        outputTokens: 2 * choices,
        reasoningTokens: 0,
        computeMs: 10,
      };
    },
  };
  return { prepared, seen };
}

async function eventsOf(answer: PreparedAnswer): Promise<(AnswerPart | AnswerDone)[]> {
  const events = [];
  for await (const event of answer.run('scope', new AbortController().signal)) events.push(event);
  return events;
}

test('a prompt is a text, its tokens, or a list of either', () => {
  expect(promptsOf('a')).toEqual(['a']);
  expect(promptsOf([1, 2])).toEqual([[1, 2]]);
  expect(promptsOf(['a', 'b'])).toEqual(['a', 'b']);
  expect(promptsOf([[1], [2, 3]])).toEqual([[1], [2, 3]]);
});

test('answers stand prompt by prompt, and one end sums up all', async () => {
  const answer = preparePrompts(
    ['a', 'bb'],
    { choices: 2, maxChoices: 16 },
    (prompt) => scripted(prompt as string, { choices: 2 }).prepared,
  );
  expect(answer).toMatchObject({ inputTokens: 3, inputIsExact: true, maxOutputTokens: 20, choices: 4 });
  const events = await eventsOf(answer);
  const texts: string[] = [];
  for (const event of events) if (event.type === 'part') texts[event.choice] = event.text;
  expect(texts).toEqual(['a 0', 'a 1', 'bb 0', 'bb 1']);
  expect(events.at(-1)).toEqual({
    type: 'done',
    finishReasons: ['stop', 'stop', 'length', 'length'],
    inputTokens: 3,
    cachedTokens: 2,
    outputTokens: 8,
    reasoningTokens: 0,
    computeMs: 20,
  });
  expect(events.filter(({ type }) => type === 'done')).toHaveLength(1);
});

test('too many are refused before one is looked at', () => {
  let looked = 0;
  const prepare = (prompt: string | number[]) => {
    looked++;
    return scripted(prompt).prepared;
  };
  const many = (count: number): string[] => Array(count).fill('a');
  expect(() => preparePrompts(many(MAX_PROMPTS + 1), bounds, prepare)).toThrow(/at most 16/);
  expect(() => preparePrompts(many(5), { choices: 4, maxChoices: 16 }, prepare)).toThrow(/5 prompts with n 4/);
  expect(looked).toBe(0);
  expect(preparePrompts(many(4), { choices: 4, maxChoices: 16 }, prepare).inputTokens).toBe(4);
});

test('when one fails, the others are stopped and waited for', async () => {
  const other = scripted('ok');
  const all = [other.prepared, scripted('x', { fail: true }).prepared];
  const answer = preparePrompts(['0', '1'], bounds, (prompt) => all[Number(prompt)] as PreparedAnswer);
  await expect(eventsOf(answer)).rejects.toThrow('broken');
  expect(other.seen.aborted).toBe(true);
});

test('one prompt is prepared as it is', () => {
  const { prepared } = scripted('a');
  expect(preparePrompts(['a'], bounds, () => prepared)).toBe(prepared);
});
