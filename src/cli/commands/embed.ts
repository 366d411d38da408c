import { MoatError } from '../../base/errors.js';
import path from 'node:path';
import { cosineSimilarity, embedSentences } from '../../lab/generate/embed.js';
import { defineCommand } from '../command.js';
import { table } from '../terminal/table.js';

export const command = defineCommand({
  name: 'embed',
  summary: 'turn texts into vectors, and compare them',
  description:
    'One vector a text from the folder of an encoder (BERT, sentence-transformers), as a JSON line each. --similarity prints how alike the texts are instead: the cosine of each pair, 1 for the same meaning.',
  arguments: { texts: { description: 'the texts', count: 'many' } },
  options: {
    model: { kind: 'text', placeholder: 'FOLDER', description: 'the folder with config.json and model.safetensors' },
    similarity: { kind: 'flag', description: 'print the cosine of each pair of texts' },
  },
  jsonLines: 'one with text and vector for each text; with --similarity one with texts and cosines',
  examples: [
    { command: 'moat embed --model minilm "a black cat"', does: 'one vector' },
    { command: 'moat embed --model minilm "a cat" "a kitten" --similarity', does: 'how alike they are' },
  ],
  async run({ arguments: { texts }, options, cwd, terminal, json, emit }) {
    if (options.model === undefined) {
      throw new MoatError('model-missing', 'embed: no model is named', {
        fix: 'Give the folder of an encoder with --model FOLDER.',
      });
    }
    const vectors = await embedSentences(path.resolve(cwd, options.model), texts);
    if (options.similarity) {
      const cosines = vectors.map((a) => vectors.map((b) => cosineSimilarity(a, b)));
      if (json) emit({ texts, cosines });
      else terminal.print(similarityTable(texts, cosines, terminal.columns));
      return undefined;
    }
    for (const [index, text] of texts.entries()) {
      const line = { text, vector: Array.from(vectors[index] ?? []) };
      if (json) emit(line);
      else terminal.print(JSON.stringify(line));
    }
    return undefined;
  },
});

/** Rows and columns are the texts, the columns by number. */
function similarityTable(texts: readonly string[], cosines: readonly (readonly number[])[], columns: number): string {
  const heads = texts.map((_, index) => ({ title: String(index + 1), align: 'right' }) as const);
  const rows = texts.map((text, index) => [
    `${index + 1} ${text}`,
    ...(cosines[index] ?? []).map((cosine) => cosine.toFixed(3)),
  ]);
  return table([{ title: '' }, ...heads], rows, { columns });
}
