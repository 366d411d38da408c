import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { z } from 'zod';
import { textTokens } from '../../../lab/tasks/text-tokens.js';
import { ApiProblem } from '../api-problem.js';
import { type ModerationModel, moderationOf } from '../moderation.js';
import { inputUsage, serveWhole } from '../serve-whole.js';
import { type SellingContext, answer, findModel, payerOf, traceHeadersOf } from './requests.js';

const MAX_TEXTS = 32;
/** Of all texts of a request: what a model reads in a fraction of a second. */
const MAX_CHARACTERS = 100_000;

const textPart = z.looseObject({ type: z.literal('text', 'only text is offered here'), text: z.string() });

export const moderationSchema = z.looseObject({
  /** May be left out where there is one. */
  model: z.string().min(1).max(200).nullish(),
  input: z.union([
    z.string(),
    z.array(z.string()).min(1).max(MAX_TEXTS, `at most ${MAX_TEXTS} texts are offered in one request`),
    z.array(textPart).min(1).max(MAX_TEXTS),
  ]),
});
type ModerationBody = z.output<typeof moderationSchema>;

interface Asked {
  readonly moderator: ModerationModel;
  readonly texts: readonly string[];
  readonly inputTokens: number;
}

export function addModerationRoutes(app: Hono<{ Bindings: HttpBindings }>, context: SellingContext): void {
  app.post('/v1/moderations', (c) => {
    const payer = payerOf(c.env.incoming);
    const read = (body: ModerationBody): Asked => readModeration(context, body);
    return answer(context, c.env, payer, moderationSchema, read, ({ moderator, texts, inputTokens }, ...given) => {
      const { engine } = moderator;
      const work = async (requestId: string) => {
        const { outputs, computeMs } = await engine.classify(texts);
        const results = outputs.map((output) => moderationOf(moderator, output));
        const body = { id: `modr-${requestId.slice(4)}`, model: engine.modelId, results };
        return { usage: inputUsage(inputTokens, computeMs, 'finished'), body };
      };
      const traced = { headers: traceHeadersOf(c.env.incoming) };
      const ask = { payer, scope: 'moderations', model: engine.modelId, inputTokens, traced } as const;
      return serveWhole(context, ask, work, ...given);
    });
  });
}

/** @throws ApiProblem 400 `invalid_value`, 404 */
function readModeration({ moderators }: SellingContext, { model, input }: ModerationBody): Asked {
  const [only] = moderators.size === 1 ? moderators.keys() : [];
  const moderator = findModel(moderators, model ?? only ?? '');
  const texts = textsOf(input);
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  if (characters > MAX_CHARACTERS) {
    const message = `input: ${characters} characters; at most ${MAX_CHARACTERS} are offered in one request.`;
    throw new ApiProblem(400, 'invalid_value', message, { param: 'input' });
  }
  return { moderator, texts, inputTokens: texts.reduce((sum, text) => sum + textTokens(text).length, 0) };
}

/** Parts are of one text. */
function textsOf(input: ModerationBody['input']): string[] {
  if (typeof input === 'string') return [input];
  const parts = input.flatMap((each) => (typeof each === 'string' ? [] : [each.text]));
  return parts.length > 0 ? [parts.join('\n')] : input.flatMap((each) => (typeof each === 'string' ? [each] : []));
}
