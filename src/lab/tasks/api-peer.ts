/** A model behind an OpenAI-compatible API, asked what a fitted one would answer: is ours better than the giant's? */
import { type ChatApi, type ChatApiOptions, createChatApi } from '../../base/chat-api.js';
import { MoatError } from '../../base/errors.js';
import type { Peer } from './run-task.js';
import type { Task, TaskSettings } from './task.js';

export interface ApiUsage {
  questions: number;
  unreadable: number;
  inputTokens: number;
  outputTokens: number;
}

const QUESTIONS_AT_ONCE = 4;

/**
 * @param usage counts what was asked; answers that cannot be read count as wrong
 * @throws MoatError `task-not-asked` for a task that only a fitted model does; its predictor throws `chat-api-failed`
 */
export function apiPeer<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  options: ChatApiOptions,
  usage: ApiUsage,
): Peer<Example, Output> {
  const { asked } = task;
  if (asked === undefined) {
    throw new MoatError('task-not-asked', `${task.name}: a chat model cannot be asked to do this task`, {
      fix: 'Leave --against out.',
    });
  }
  const ask: ChatApi = createChatApi(options);
  return {
    name: `${options.model} at ${new URL(options.baseUrl).host}`,
    open: async (examples) => ({
      async predict(tests) {
        const outputs = Array.from({ length: tests.length }, () => asked.unreadable);
        let next = 0;
        const work = async (): Promise<void> => {
          for (let row = next++; row < tests.length; row = next++) {
            const messages = asked.messages(tests[row] as Example, examples);
            const answer = await ask({ messages, temperature: 0, maxTokens: asked.maxTokens });
            usage.questions++;
            usage.inputTokens += answer.inputTokens;
            usage.outputTokens += answer.outputTokens;
            const read = asked.read(answer.text, examples);
            if (read === undefined) usage.unreadable++;
            else outputs[row] = read;
          }
        };
        await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, work));
        return outputs;
      },
    }),
  };
}
