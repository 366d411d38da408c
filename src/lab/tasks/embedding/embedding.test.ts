import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { manualClock } from '../../../base/clock.js';
import { Rng } from '../../../base/rng.js';
import { runTask } from '../run-task.js';
import { embedding } from './task.js';

const ENGLISH =
  'network storage printer kernel password archive mirror screen battery editor filter signal folder driver socket buffer'.split(
    ' ',
  );
const CHINESE = '网络 存储 打印 内核 密码 档案 镜像 屏幕 电池 编辑 过滤 信号 目录 驱动 接口 缓冲'.split(' ');

test('sentences find their translations by words that were never told to mean the same', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-embedding-'));
  try {
    const rng = Rng.fromSeed(4);
    const pairs = Array.from({ length: 260 }, () => {
      const chosen = rng.shuffle([...ENGLISH.keys()]).slice(0, 4);
      return {
        en: chosen.map((at) => ENGLISH[at]).join(' '),
        zh: rng
          .shuffle(chosen)
          .map((at) => CHINESE[at])
          .join('，'),
      };
    });
    const file = path.join(root, 'pairs.jsonl');
    await writeFile(file, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
    const options = {
      seed: 1,
      threads: 1,
      clock: manualClock(),
      resamples: 60,
      data: { file },
      settings: { epochs: '12', width: '32', batchSize: '32' },
    };
    const { report, model, sides, outputs } = await runTask(embedding, options);
    const [mrr, first, fifth] = report.scores;
    expect(mrr).toMatchObject({ metric: 'MRR' });
    expect(first?.value).toBeGreaterThan(0.7);
    expect(fifth?.value).toBeGreaterThan(0.95);
    // the two languages share no character: nothing but training can tell
    expect(report.peers[0]?.scores[1]?.value).toBe(0);
    expect(report.peers[0]?.comparison.verdict).toBe('better');
    const folder = await mkdtemp(path.join(root, 'model-'));
    await model.save(folder);
    const loaded = await embedding.load(folder, { ...options, settings: embedding.settings.parse({}) });
    expect(await loaded.predict(sides.test)).toEqual(outputs);
    await expect(embedding.load(root, { ...options, settings: embedding.settings.parse({}) })).rejects.toMatchObject({
      code: 'bad-task-model',
    });
  } finally {
    await rm(root, { recursive: true });
  }
});
