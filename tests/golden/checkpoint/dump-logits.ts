/**
 * Writes the logits this project computes for a checkpoint, for `compare.py` beside it to hold against transformers:
 *   npx tsx tests/golden/checkpoint/dump-logits.ts CHECKPOINT OUT.json
 */
import { writeFileSync } from 'node:fs';
import { Rng } from '../../../src/base/rng.js';
import { loadCheckpoint } from '../../../src/lab/checkpoint/load-checkpoint.js';
import { input } from '../../../src/lab/graph/tensor.js';
import { INFERENCE } from '../../../src/lab/models/model.js';
import { readCausalModel } from '../../../src/lab/models/registry.js';
import { type Value, compile, floats, integers } from '../../../src/lab/runtime/program.js';

const [directory, out] = process.argv.slice(2);
if (directory === undefined || out === undefined) throw new Error('usage: dump-logits.ts CHECKPOINT OUT.json');
const checkpoint = await loadCheckpoint(directory);
const { model } = readCausalModel(JSON.parse(await checkpoint.readText('config.json')), directory);
const specs = model.parameters;
const inputs = new Map(specs.map((spec) => [spec.name, input(spec.name, spec.shape)]));
const feeds: Record<string, Value> = {};
for (const spec of specs) feeds[spec.name] = floats(await checkpoint.model.readFloat32(spec.name), spec.shape);
await checkpoint.close();

const rng = Rng.fromSeed(11);
const shape = [2, Math.min(64, model.config.max_position_embeddings)] as const;
const ids = Array.from({ length: shape[0] * shape[1] }, () => rng.below(model.config.vocab_size));
const tokens = input('tokens', shape, 'int64');
const { logits } = model.forward((name) => inputs.get(name) ?? tokens, { tokens }, INFERENCE);
const program = await compile({ logits }, [tokens, ...inputs.values()]);
const results = await program.run({ ...feeds, tokens: integers(ids, shape) });
await program.close();
const rows = Array.from({ length: shape[0] }, (_, row) => ids.slice(row * shape[1], (row + 1) * shape[1]));
writeFileSync(out, JSON.stringify({ tokens: rows, logits: Array.from(results['logits']?.data ?? [], Number) }));
