import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEnergyMeter } from './energy-meter.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'energy-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function show(zone: string, microjoules: number | string): Promise<void> {
  await mkdir(path.join(folder, zone), { recursive: true });
  await writeFile(path.join(folder, zone, 'energy_uj'), `${microjoules}\n`);
  await writeFile(path.join(folder, zone, 'max_energy_range_uj'), '10000000\n');
}

test('sums packages, leaves their parts out, and follows a counter that begins again', async () => {
  await show('intel-rapl:0', 1_000_000);
  await show('intel-rapl:1', 9_000_000);
  await show('intel-rapl:0:0', 500_000);
  await show('intel-rapl', 7);
  const meter = openEnergyMeter(folder);
  if (meter === undefined) throw new Error('there are two packages');
  expect(meter()).toBe(0);
  await show('intel-rapl:0', 3_500_000); // 2.5 J
  await show('intel-rapl:1', 1_000_000); // to 10 and on to 1: 2 J
  await show('intel-rapl:0:0', 900_000);
  expect(meter()).toBe(4.5);
  await show('intel-rapl:0', 'unreadable');
  expect(meter()).toBe(4.5);
});

test('there is no meter where there is none', () => {
  expect(openEnergyMeter(path.join(folder, 'nowhere'))).toBeUndefined();
  expect(openEnergyMeter(path.join(folder, 'intel-rapl:0'))).toBeUndefined();
});
