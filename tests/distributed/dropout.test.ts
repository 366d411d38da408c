/** Dropout: the masks of the local trainer, whatever the number of workers, so that losses are its losses. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SmallProject, losses, makeSmallProject } from './small-run.js';

let project: SmallProject;
beforeAll(async () => {
  project = await makeSmallProject();
});
afterAll(() => project.remove());

const adam = { kind: 'adam', learningRate: 0.005, embeddingLearningRate: 0.005 };

test.each([
  {
    name: 'two workers, GPT-2, computed again',
    workers: 2,
    architecture: 'gpt2',
    changes: { loop: { recompute: true } },
  },
  {
    name: 'three workers, Qwen3, documents in a row',
    workers: 3,
    architecture: 'qwen3',
    changes: { loop: { packDocuments: true } },
  },
  {
    name: 'two workers, Gemma 3, a share each',
    workers: 2,
    architecture: 'gemma3_text',
    changes: { optimizer: adam },
    sharding: 'fsdp2' as const,
  },
])('$name: the losses of the local trainer', async ({ name, workers, architecture, changes, ...more }) => {
  const configOf = (dropout: number) => project.config({ architecture, ...changes, sizes: { dropout } });
  const config = configOf(0.5);
  const run = name.replace(/\W+/g, '-');
  const here = losses(await project.trainHere(`${run}-here`, { config, resume: undefined }));
  const there = losses(await project.trainThere(`${run}-there`, { config, workers, ...more }));
  const without = losses(await project.trainHere(`${run}-without`, { config: configOf(0), resume: undefined }));
  const furthest = (other: readonly number[]): number =>
    Math.max(...here.map((loss, step) => Math.abs(loss - (other[step] ?? Number.NaN))));
  expect(there).toHaveLength(20);
  expect(furthest(there)).toBeLessThan(1e-3);
  expect(furthest(without)).toBeGreaterThan(5e-3);
});
