import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { z } from 'zod';
import type { EmbeddingEngine } from '../../../lab/tasks/embedding/embedding-engine.js';
import type { Embedded } from '../../../lab/tasks/embedding/embedding-queue.js';
import { ApiProblem } from '../api-problem.js';
import { inputUsage, serveWhole } from '../serve-whole.js';
import { type SellingContext, answer, findModel, payerOf, traceHeadersOf } from './requests.js';

/** OpenAI's bounds. */
const MAX_TEXTS = 2048;
const MAX_TOKENS_OF_TEXT = 8191;
const MAX_TOKENS = 300_000;

const tokenIds = z.array(z.int().min(0)).min(1);
export const embeddingSchema = z.looseObject({
  model: z.string().min(1).max(200),
  input: z.union([
    z.string(),
    z.array(z.string()).min(1).max(MAX_TEXTS, `at most ${MAX_TEXTS} texts are offered in one request`),
    tokenIds,
    z.array(tokenIds).min(1).max(MAX_TEXTS),
  ]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
});
type EmbeddingBody = z.output<typeof embeddingSchema>;

interface Asked {
  readonly engine: EmbeddingEngine;
  readonly texts: readonly string[];
  readonly inputTokens: number;
  readonly format: 'float' | 'base64';
}

export function addEmbeddingRoutes(app: Hono<{ Bindings: HttpBindings }>, context: SellingContext): void {
  app.post('/v1/embeddings', (c) => {
    const payer = payerOf(c.env.incoming);
    const read = (body: EmbeddingBody): Promise<Asked> => readEmbedding(context, body);
    return answer(context, c.env, payer, embeddingSchema, read, (asked, ...given) => {
      const { engine, texts, inputTokens, format } = asked;
      const work = async (_: string, signal: AbortSignal) => {
        const embedded = await engine.embed(texts, signal);
        const status = embedded.vectors.length < texts.length ? 'aborted' : 'finished';
        const usage = inputUsage(embedded.inputTokens, embedded.computeMs, status);
        return { usage, body: bodyOf(engine.modelId, embedded, format) };
      };
      const traced = { headers: traceHeadersOf(c.env.incoming) };
      const ask = { payer, scope: 'embeddings', model: engine.modelId, inputTokens, traced } as const;
      return serveWhole(context, ask, work, ...given);
    });
  });
}

/** @throws ApiProblem 400 `invalid_value`, `context_length_exceeded`, 404 */
async function readEmbedding({ embedders }: SellingContext, body: EmbeddingBody): Promise<Asked> {
  const engine = findModel(embedders, body.model);
  if (body.dimensions != null && body.dimensions !== engine.dimensions) {
    const message = `dimensions: ${engine.modelId} gives ${engine.dimensions}, no other number; leave it out.`;
    throw new ApiProblem(400, 'invalid_value', message, { param: 'dimensions' });
  }
  const texts = textsOf(body.input);
  const counts = await engine.count(texts);
  const limit = Math.min(engine.maxTokens, MAX_TOKENS_OF_TEXT);
  const tooLong = counts.findIndex((count) => count > limit);
  if (tooLong >= 0) {
    const message = `input.${tooLong}: it has ${counts[tooLong]} tokens; ${engine.modelId} reads at most ${limit}. Send shorter texts.`;
    throw new ApiProblem(400, 'context_length_exceeded', message, { param: 'input' });
  }
  const inputTokens = counts.reduce((sum, count) => sum + count, 0);
  if (inputTokens > MAX_TOKENS) throw refusal(`input: ${inputTokens} tokens; at most ${MAX_TOKENS} in one request.`);
  return { engine, texts, inputTokens, format: body.encoding_format ?? 'float' };
}

/** Ids are refused: those of another tokenizer would be taken for other words, and nobody would notice. */
function textsOf(input: EmbeddingBody['input']): string[] {
  const given = typeof input === 'string' ? [input] : input;
  const texts = given.flatMap((each) => (typeof each === 'string' ? [each] : []));
  if (texts.length < given.length) throw refusal('input: token ids are not taken; send the text itself.');
  const empty = texts.indexOf('');
  if (empty >= 0) throw refusal(`input.${empty}: it is empty.`);
  return texts;
}

const refusal = (message: string): ApiProblem => new ApiProblem(400, 'invalid_value', message, { param: 'input' });

function bodyOf(model: string, { vectors, inputTokens }: Embedded, format: Asked['format']): object {
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: format === 'float' ? [...vector] : base64Of(vector),
    })),
    model,
    usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
  };
}

/** Little-endian, as every machine is that ONNX Runtime comes for. */
const base64Of = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
