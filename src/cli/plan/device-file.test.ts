import { expect, test } from 'vitest';
import { DEVICES, fitsMemory, sustainedFlops } from '../../lab/planning/devices.js';
import { merged } from './device-file.js';

const named = (text: string, name: string) => merged(DEVICES, text, 'devices.yaml').find((each) => each.name === name);

test('a row changes what it names, and keeps the rest of the built-in one', () => {
  const text = 'schemaVersion: 1\ndevices:\n  - name: H100 SXM\n    hourlyPrice: "2.50"\n    utilization: 0.4\n';
  expect(named(text, 'H100 SXM')).toMatchObject({ hourlyPrice: '2.50', utilization: 0.4, peakFlops: 989e12 });
  expect(merged(DEVICES, text, 'devices.yaml')).toHaveLength(DEVICES.length);
});

test('new machines are added, and the built-in ones may go', () => {
  const text =
    '{"schemaVersion":1,"builtIn":false,"devices":[{"name":"Ours","peakTeraflops":100,"memoryGigabytes":48}]}';
  const devices = merged(DEVICES, text, 'devices.json');
  expect(devices).toHaveLength(1);
  expect(devices[0]).toMatchObject({ name: 'Ours', peakFlops: 1e14, memoryBytes: 48e9, hourlyPrice: null });
});

test.each([
  ['devices: []\n', 'schemaVersion'],
  ['schemaVersion: 1\ndevices:\n  - name: New\n', '"New" is not built in'],
  ['schemaVersion: 1\ndevices:\n  - name: L4\n    hourlyPrice: cheap\n', 'devices.0.hourlyPrice'],
  ['schemaVersion: 1\ndevices:\n  - name: L4\n    utilization: 1.5\n', 'devices.0.utilization'],
  ['schemaVersion: 1\ndevices:\n  - name: L4\n    price: 1\n', 'devices.0'],
  ['schemaVersion: [1\n', 'devices.yaml'],
])('refuses %j, naming the place', (text, place) => {
  expect(() => merged(DEVICES, text, 'devices.yaml')).toThrow(place);
});

test('every built-in figure says where it is from', () => {
  for (const device of DEVICES) {
    expect(device.source).toMatch(/\d{4}/);
    expect(sustainedFlops(device)).toBeGreaterThan(1e11);
    expect(fitsMemory(device, 100e6)).toBe(true);
    expect(fitsMemory(device, 100e9)).toBe(false);
    if (device.hourlyPrice !== null) expect(device.hourlyPrice).toMatch(/^\d+(\.\d+)?$/);
  }
  expect(new Set(DEVICES.map(({ name }) => name)).size).toBe(DEVICES.length);
});
