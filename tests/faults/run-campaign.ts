/** `npm run test:faults -- --rounds 1000 --seed 1 --only kill-at-step`: plays rounds, prints what broke and how to replay it. */
import { parseArgs } from 'node:util';
import { FAULTS } from './fault-table.js';
import { type Round, runCampaign } from './campaign.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const startedMs = performance.now();

const rounds = await runCampaign({
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  only: values.only,
  onRound({ seed, fault, what, breaches, outcomes, elapsedMs }) {
    const ends = Object.entries(outcomes).map(([name, times]) => `${times} ${name}`);
    console.log(`${seed} ${fault}: ${what}; ${ends.join(', ')}; ${(elapsedMs / 1000).toFixed(1)} s`);
    for (const breach of breaches) console.log(`  BREACH ${breach}`);
    if (breaches.length > 0)
      console.log(
        `  replay: npm run test:faults -- --rounds 1 --seed ${seed}${values.only === undefined ? '' : ` --only ${values.only}`}`,
      );
  },
});

const failed = rounds.filter(({ breaches }) => breaches.length > 0);
const byFault = Object.keys(FAULTS).map((fault) => [fault, rounds.filter((round) => round.fault === fault)] as const);
console.log(`\n${'fault'.padEnd(16)}  rounds  gateway died  requests  finished  breached`);
const sum = (some: readonly Round[], name?: string): number =>
  some.reduce((total, { outcomes }) => {
    const counted = name === undefined ? Object.values(outcomes) : [outcomes[name] ?? 0];
    return counted.reduce((all, one) => all + one, total);
  }, 0);
for (const [fault, some] of [...byFault, ['all', rounds] as const]) {
  if (some.length === 0) continue;
  const breached = some.filter(({ breaches }) => breaches.length > 0).length;
  const figures = [some.length, some.filter(({ died }) => died).length, sum(some), sum(some, 'finished'), breached];
  const widths = [6, 12, 8, 8, 8];
  console.log(
    `${fault.padEnd(16)}  ${figures.map((figure, at) => String(figure).padStart(widths[at] ?? 0)).join('  ')}`,
  );
}
const minutes = (performance.now() - startedMs) / 60_000;
console.log(`${rounds.length} rounds in ${minutes.toFixed(1)} minutes, ${failed.length} with a breach`);
process.exitCode = failed.length === 0 ? 0 : 1;
