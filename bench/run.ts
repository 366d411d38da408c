/**
 * `npm run bench -- GROUP [--json]`: runs a group, prints a line a result and appends it to bench/results.jsonl with
 * date, commit and machine.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { classifiersGroup } from './classifiers.js';
import { cleaningGroup } from './cleaning.js';
import { dataParallelGroup } from './data-parallel.js';
import { encodersGroup } from './encoders.js';
import { engineGroup } from './engine.js';
import { fleetGroup } from './fleet.js';
import { gatewayGroup } from './gateway.js';
import { streamingGroup } from './streaming.js';
import { gatewaysGroup } from './gateways.js';
import { ggufGroup } from './gguf.js';
import { invoicesGroup } from './invoices.js';
import { memoryGroup } from './memory.js';
import { meteringGroup } from './metering.js';
import { optimizerGroup } from './optimizer.js';
import { quantizedGroup } from './quantized.js';
import { recipeGroup } from './recipe.js';
import { recurrentGroup } from './recurrent.js';
import type { BenchResult } from './result.js';
import { runChartGroup } from './run-chart.js';
import { shardsGroup } from './shards.js';
import { studioGroup } from './studio.js';
import { tokenizersGroup } from './tokenizers.js';

const groups: Readonly<Record<string, () => Promise<BenchResult[]>>> = {
  classifiers: classifiersGroup,
  cleaning: cleaningGroup,
  'data-parallel': dataParallelGroup,
  encoders: encodersGroup,
  engine: engineGroup,
  fleet: fleetGroup,
  gateway: gatewayGroup,
  gateways: gatewaysGroup,
  gguf: ggufGroup,
  invoices: invoicesGroup,
  memory: memoryGroup,
  metering: meteringGroup,
  optimizer: optimizerGroup,
  quantized: quantizedGroup,
  recipe: recipeGroup,
  recurrent: recurrentGroup,
  'run-chart': runChartGroup,
  shards: shardsGroup,
  streaming: streamingGroup,
  studio: studioGroup,
  tokenizers: tokenizersGroup,
};

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function line(result: BenchResult): string {
  const number = (value: number): string => value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
  const peer = result.peer === null ? '' : `, ${result.peerName ?? ''} ${number(result.peer)}`;
  const ratio = result.ratio === null ? '' : `, ratio ${result.ratio.toFixed(2)}`;
  const target = result.target === null ? '' : ` (target ${result.target})`;
  return `${result.name}: ${number(result.ours)} ${result.unit}${peer}${ratio}${target}`;
}

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const json = process.argv.includes('--json');
const unknown = names.find((name) => !(name in groups));
if (names.length === 0 || unknown !== undefined) {
  console.error(`usage: npm run bench -- GROUP [--json]; groups: ${Object.keys(groups).join(', ')}`);
  process.exit(2);
}
const facts = {
  date: new Date().toISOString(),
  commit: commit(),
  machine: `${os.cpus()[0]?.model ?? 'unknown'} × ${os.availableParallelism()}`,
};
for (const name of names) {
  for (const result of (await groups[name]?.()) ?? []) {
    console.log(json ? JSON.stringify(result) : line(result));
    appendFileSync(
      fileURLToPath(new URL('./results.jsonl', import.meta.url)),
      `${JSON.stringify({ ...facts, ...result })}\n`,
    );
  }
}
process.exit(0);
