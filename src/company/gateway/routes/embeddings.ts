import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { z } from 'zod';
import type { Embedded } from '../../../lab/tasks/embedding/embedding-queue.js';
import { type PreparedEmbedding, refusedInput } from '../embedding-backend.js';
import { inputUsage, serveWhole } from '../serve-whole.js';
import { type SellingContext, answer, findModel, payerOf, traceHeadersOf } from './requests.js';

/** OpenAI's bound. */
const MAX_TEXTS = 2048;

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
  readonly modelId: string;
  readonly texts: readonly string[];
  readonly prepared: PreparedEmbedding;
  readonly format: 'float' | 'base64';
}

export function addEmbeddingRoutes(app: Hono<{ Bindings: HttpBindings }>, context: SellingContext): void {
  app.post('/v1/embeddings', (c) => {
    const payer = payerOf(c.env.incoming);
    const read = (body: EmbeddingBody): Promise<Asked> => readEmbedding(context, body);
    return answer(context, c.env, payer, embeddingSchema, read, (asked, ...given) => {
      const { modelId, texts, prepared, format } = asked;
      const work = async (_: string, signal: AbortSignal) => {
        const embedded = await prepared.run(signal);
        const status = embedded.vectors.length < texts.length ? 'aborted' : 'finished';
        const usage = inputUsage(embedded.inputTokens, embedded.computeMs, status);
        return { usage, body: bodyOf(modelId, embedded, format) };
      };
      const traced = { headers: traceHeadersOf(c.env.incoming) };
      const ask = { payer, scope: 'embeddings', model: modelId, inputTokens: prepared.inputTokens, traced } as const;
      return serveWhole(context, ask, work, ...given);
    });
  });
}

/** @throws ApiProblem 400 `invalid_value`, `context_length_exceeded`, 404 */
async function readEmbedding({ embedders }: SellingContext, body: EmbeddingBody): Promise<Asked> {
  const backend = findModel(embedders, body.model);
  const texts = textsOf(body.input);
  const prepared = await backend.prepare(texts, body.dimensions ?? undefined);
  return { modelId: backend.modelId, texts, prepared, format: body.encoding_format ?? 'float' };
}

/** Ids are refused: those of another tokenizer would be taken for other words, and nobody would notice. */
function textsOf(input: EmbeddingBody['input']): string[] {
  const given = typeof input === 'string' ? [input] : input;
  const texts = given.flatMap((each) => (typeof each === 'string' ? [each] : []));
  if (texts.length < given.length) throw refusedInput('input: token ids are not taken; send the text itself.');
  const empty = texts.indexOf('');
  if (empty >= 0) throw refusedInput(`input.${empty}: it is empty.`);
  return texts;
}

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
