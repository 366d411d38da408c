/** The fault campaign, short: every fault once. `npm run test:faults` plays as many rounds as one likes. */
import { expect, test } from 'vitest';
import { runCampaign } from './campaign.js';
import { FAULTS } from './fault-table.js';

test(
  'whatever breaks, answers are billed once, nobody is overdrawn, and every reservation ends',
  { timeout: 300_000 },
  async () => {
    const rounds = await runCampaign({ rounds: Object.keys(FAULTS).length, seed: 19 });
    for (const { seed, fault, what, breaches } of rounds)
      expect(breaches, `npm run test:faults -- --rounds 1 --seed ${seed} (${fault}: ${what})`).toEqual([]);
    expect(rounds.map(({ fault }) => fault).toSorted()).toEqual(Object.keys(FAULTS).toSorted());
    const total = (name: string): number => rounds.reduce((sum, { outcomes }) => sum + (outcomes[name] ?? 0), 0);
    // the rounds were not empty: answers came whole, were refused, were cut off and were left
    for (const outcome of ['finished', 'refused', 'broken', 'left']) expect(total(outcome)).toBeGreaterThan(10);
    // the gateways were killed; on a slow machine clients may give up before one of the steps was made as often as its kill waits for
    const spared = rounds.filter(({ fault, died }) => fault.startsWith('kill-at') && !died).map(({ fault }) => fault);
    expect(spared.length, spared.join(', ')).toBeLessThanOrEqual(1);
  },
);
