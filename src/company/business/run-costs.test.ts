import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ElectricityFacts, type RunFacts, energyCost, runCost, sumKnown } from './run-costs.js';

const run: RunFacts = {
  name: 'first',
  wallSeconds: 1800,
  device: 'cpu',
  outcome: 'failed',
  startedAt: null,
  tokensSeen: null,
  joules: null,
};
const electricity: ElectricityFacts = { watts: 65, microsPerKilowattHour: 300_000n, isInHourlyPrice: false };

describe('runCost', () => {
  it('half an hour at 0.10 an hour and 65 W, though it failed', () => {
    const cost = runCost(run, { hourlyMicros: 100_000n, electricity });
    expect(cost.machineMicros).toBe(50_000n); // 1800 ÷ 3600 × 100,000
    expect(cost.energy).toEqual({ joules: 117_000, source: 'stated' }); // 65 × 1800
    expect(cost.energyMicros).toBe(9750n); // 117,000 ÷ 3,600,000 × 300,000
    expect(cost.totalMicros).toBe(59_750n);
  });

  it('prefers what was measured, and adds no energy that is in the price', () => {
    const measured = runCost({ ...run, joules: 72_000 }, { hourlyMicros: 100_000n, electricity });
    expect(measured.energy).toEqual({ joules: 72_000, source: 'measured' });
    expect(measured.energyMicros).toBe(6000n); // 0.02 kWh × 300,000
    const rented = { ...electricity, isInHourlyPrice: true };
    expect(runCost(run, { hourlyMicros: 100_000n, electricity: rented }).totalMicros).toBe(50_000n);
  });

  it('is missing, not 0, without a price or a wattage', () => {
    expect(runCost(run, { hourlyMicros: null, electricity }).totalMicros).toBeNull();
    const unknown = { ...electricity, watts: null };
    const cost = runCost(run, { hourlyMicros: 100_000n, electricity: unknown });
    expect(cost).toMatchObject({ energy: null, energyMicros: null, totalMicros: null, machineMicros: 50_000n });
  });
});

it('energy costs no less in parts than in one', () => {
  fc.assert(
    fc.property(fc.nat(1e7), fc.nat(1e7), (a, b) => {
      expect(energyCost(a, 300_000n) + energyCost(b, 300_000n) >= energyCost(a + b, 300_000n)).toBe(true);
    }),
  );
});

it('sumKnown', () => {
  expect(sumKnown([])).toBe(0n);
  expect(sumKnown([1n, 2n])).toBe(3n);
  expect(sumKnown([1n, null])).toBeNull();
});

it('on a cluster its machines are paid for, energy included', () => {
  const shared: RunFacts = {
    ...run,
    joules: null,
    wallSeconds: 7200,
    cluster: { wallSeconds: 3600, micros: 8_000_000n },
  };
  const cost = runCost(shared, { hourlyMicros: 100_000n, electricity });
  expect(cost.machineMicros).toBe(8_100_000n);
  expect(cost.energy).toEqual({ joules: 65 * 3600, source: 'stated' });
});
