import { expect, test } from 'vitest';
import { readWorkerLine } from './worker-lines.js';

test('an event, with whatever a launcher puts before it', () => {
  const event = { type: 'eval', time: '2026-01-01T00:00:00.000Z', step: 3, loss: 1.5 };
  const line = `MOAT_EVENT ${JSON.stringify(event)}`;
  expect(readWorkerLine(line)).toEqual({ kind: 'event', event });
  expect(readWorkerLine(`\u001b[36m(RayTrainWorker pid=7)\u001b[0m ${line}\r`)).toEqual({ kind: 'event', event });
});

test('an error, with its way out or without', () => {
  const said = (fix: string | null) =>
    readWorkerLine(`MOAT_ERROR ${JSON.stringify({ code: 'disk-full', what: 'no space', fix })}`);
  expect(said('Free some.')).toMatchObject({
    kind: 'error',
    error: { code: 'disk-full', line: 'no space. Free some.' },
  });
  expect(said(null)).toMatchObject({ kind: 'error', error: { fix: undefined } });
});

test.each(['', 'W1130 torchrun is starting', 'MOAT_EVENT {"type": "st', 'MOAT_EVENT', 'NOT_MOAT_EVENT {}'])(
  '%j is neither',
  (line) => {
    expect(readWorkerLine(line)).toBeUndefined();
  },
);
