/** llama.cpp's server with a GGUF file that Moat wrote, sold through the gateway. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe } from 'vitest';
import { enginePresets } from '../../src/company/gateway/upstream/engine-presets.js';
import { exportGguf } from '../../src/lab/generate/gguf-export.js';
import { writeModelFolder } from '../model-folder.js';
import { targetAt } from '../served-upstream.js';
import { engineSuite } from './engine-suite.js';
import { python, startLlamaCpp } from './real-engine.js';

describe.skipIf(python === undefined)('llama.cpp', () => {
  let folder = '';
  engineSuite(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'moat-llama-'));
    const model = path.join(folder, 'model');
    await writeModelFolder(model, { model_type: 'llama', max_position_embeddings: 2048 });
    const file = path.join(folder, 'model.gguf');
    await exportGguf(model, file, { type: 'F16' });
    const { lacks, tokens, usageInEveryChunk, usageOfOneChoice } = enginePresets['llama.cpp'];
    return {
      folder: model,
      hasChoices: true,
      hasContextLimit: true,
      start: (port) => startLlamaCpp(file, 'tiny', { ...(port !== undefined && { port }) }),
      target: ({ url }, changes) =>
        targetAt(url, {
          engine: 'llama.cpp',
          model: 'tiny',
          lacks: [...lacks],
          tokens,
          usageInEveryChunk,
          usageOfOneChoice,
          ...changes,
        }),
    };
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
});
