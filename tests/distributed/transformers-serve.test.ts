/** `transformers serve` with a model folder that Moat wrote, sold through the gateway. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { usageOf } from '../../src/company/billing/usage.js';
import { enginePresets } from '../../src/company/gateway/upstream/engine-presets.js';
import type { UpstreamTarget } from '../../src/company/gateway/upstream/upstream-file.js';
import { writeModelFolder } from '../model-folder.js';
import { openScratchGateway } from '../scratch-gateway.js';
import { closeUpstreams, serve, targetAt } from '../served-upstream.js';
import { engineSuite } from './engine-suite.js';
import { type RealEngine, python, startTransformers } from './real-engine.js';

const { lacks, tokens, usageInEveryChunk, usageOfOneChoice } = enginePresets.transformers;

describe.skipIf(python === undefined)('transformers serve', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'moat-transformers-'));
    const config = { model_type: 'llama', architectures: ['LlamaForCausalLM'], max_position_embeddings: 2048 };
    await writeModelFolder(folder, config);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const target = ({ url }: RealEngine, changes?: Partial<UpstreamTarget>): UpstreamTarget =>
    targetAt(url, {
      engine: 'transformers',
      model: folder,
      lacks: [...lacks],
      tokens,
      usageInEveryChunk,
      usageOfOneChoice,
      ...changes,
    });

  engineSuite(async () => ({
    folder,
    hasChoices: false,
    hasContextLimit: false,
    start: (port) => startTransformers(folder, { ...(port !== undefined && { port }) }),
    target,
  }));

  test('more requests than it takes: refusals are overload and not errors, none is charged, the rest is answered', async () => {
    const engine = await startTransformers(folder, { limit: 4 });
    const opened = await openScratchGateway([], ['busy']);
    const patience = {
      connectTimeoutMs: 10_000,
      firstTokenTimeoutMs: 60_000,
      idleTimeoutMs: 60_000,
      timeoutMs: 120_000,
    };
    const { backend } = serve([target(engine, patience)], {
      model: { modelId: 'busy', maxOutputTokens: 400, contextLength: 2048 },
    });
    await backend.checkIdentities();
    const gateway = await opened.start({ upstreams: new Map([['busy', backend]]) });
    const { openai, customerId } = await opened.newClient(10_000_000n, gateway.url);
    const messages = [{ role: 'user' as const, content: 'the quick brown fox' }];
    const asked = Array.from({ length: 12 }, () =>
      openai.chat.completions.create({ model: 'busy', messages, max_tokens: 200, temperature: 0 }).then(
        () => 200,
        (error: unknown) => (error as { status: number }).status,
      ),
    );
    const statuses = await Promise.all(asked);
    const answered = statuses.filter((status) => status === 200).length;
    expect(answered).toBeGreaterThan(0);
    expect(statuses.filter((status) => status !== 200 && status !== 429 && status !== 503)).toEqual([]);
    expect(statuses).toContain(503);
    expect(await usageOf(opened.books, { customerId })).toHaveLength(answered);
    await gateway.close();
    await closeUpstreams();
    await engine.kill();
    expect(await opened.close()).toEqual([]);
  }, 400_000);
});
