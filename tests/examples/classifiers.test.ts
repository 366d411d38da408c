import { expect, test } from 'vitest';
import { Rng } from '../../src/base/rng.js';
import { parseCsv } from '../../examples/csv.js';
import { trainGan } from '../../examples/gan.js';
import { SIDE, readDigits, shift, splitDigits, trainOnDigits } from '../../examples/mnist.js';
import { columnEncoder, splitRows, trainOnTable } from '../../examples/tabular.js';

/** Two "digits": a bright upper half and a bright left half, with noise. */
function drawings(count: number) {
  const rng = Rng.fromSeed(3);
  const labels = Array.from({ length: count }, (_, i) => i % 2);
  const inputs = Float32Array.from({ length: count * SIDE * SIDE }, (_, i) => {
    const [row, column] = [Math.floor(i / SIDE) % SIDE, i % SIDE];
    const bright = labels[Math.floor(i / SIDE / SIDE)] === 0 ? row < SIDE / 2 : column < SIDE / 2;
    return 0.7 * Number(bright) + 0.3 * rng.uniform();
  });
  return { inputs, labels };
}

test('a table with quotes, doubled quotes and line breaks reads; broken ones are refused by line', () => {
  expect(parseCsv('a,b\r\n1,"x, ""y"""\n"2\n3",\n', 'f.csv')).toEqual({
    columns: ['a', 'b'],
    rows: [
      ['1', 'x, "y"'],
      ['2\n3', ''],
    ],
  });
  expect(() => parseCsv('a,b\n1,"x\n', 'f.csv')).toThrow(/f\.csv:2: quotes that do not close/);
  expect(() => parseCsv('a,b\n1,2,3\n', 'f.csv')).toThrow('f.csv: row 1 has 3 fields, the heading 2');
  expect(() => parseCsv('a,b\n', 'f.csv')).toThrow(/no rows/);
});

test('columns are encoded by what training rows hold', () => {
  const numbers = columnEncoder(['1', '3', '']);
  expect([numbers.encode('3'), numbers.encode(''), numbers.encode('oops')]).toEqual([[1], [0], [0]]);
  const words = columnEncoder(['red', 'blue', 'red']);
  expect([words.encode('red'), words.encode('green')]).toEqual([
    [0, 1],
    [0, 0],
  ]);
});

test('a table is learned, and every row is in one part of the split', async () => {
  const rng = Rng.fromSeed(1);
  const rows = Array.from({ length: 300 }, () => {
    const [x, y] = [rng.normal(), rng.normal()];
    const shop = rng.uniform() < 0.5 ? 'north' : 'south';
    return [x.toFixed(3), y.toFixed(3), shop, x * y + (shop === 'north' ? 1 : -1) > 0 ? 'yes' : 'no'];
  });
  const table = { columns: ['x', 'y', 'shop', 'bought'], rows };
  const { train, validation, test: kept } = splitRows(300, 1);
  expect(new Set([...train, ...validation, ...kept]).size).toBe(300);
  const result = await trainOnTable(table, { target: 'bought', hidden: [16, 8], seed: 1 });
  expect(result).toMatchObject({ classes: ['no', 'yes'], features: 4, testRows: 60 });
  expect(result.auc).toBeGreaterThan(0.9);
  await expect(trainOnTable(table, { target: 'sold', hidden: [4], seed: 1 })).rejects.toThrow(/no column "sold"/);
  await expect(trainOnTable(table, { target: 'x', hidden: [4], seed: 1 })).rejects.toThrow(/different values, not two/);
});

test('a digit is shifted whole', () => {
  const image = new Float32Array(SIDE * SIDE);
  image[14 * SIDE + 14] = 1;
  shift(image, Rng.fromSeed(2));
  expect(image.reduce((a, b) => a + b)).toBe(1);
});

test.each([
  ['lenet', 20],
  ['resnet', 8],
  ['vit', 8],
] as const)('%s learns to tell two drawings apart', async (model, epochs) => {
  const losses: number[] = [];
  const onEpoch = ({ trainingLoss }: { trainingLoss: number }): void => void losses.push(trainingLoss);
  const share = await trainOnDigits(splitDigits(drawings(160), 1), { model, epochs, seed: 1, onEpoch });
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.75);
  if (model === 'lenet') expect(share).toBeGreaterThan(0.9);
});

test('two players keep their losses finite, and what is drawn is an image', async () => {
  const trained = await trainGan(drawings(32), { steps: 3, batchSize: 4, hidden: 8, seed: 1 });
  expect(Number.isFinite(trained.losses.discriminator) && Number.isFinite(trained.losses.generator)).toBe(true);
  const images = await trained.draw(2);
  expect(images).toHaveLength(2 * SIDE * SIDE);
  expect(images.every((value) => value >= 0 && value <= 1)).toBe(true);
});

test('a folder without digits is named', async () => {
  await expect(readDigits('/no/such/folder')).rejects.toThrow(/^\/no\/such\/folder\/0\.json: there is no such file/);
});
