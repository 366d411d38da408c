import { expect, test } from 'vitest';
import { trainTarget } from './train-target.js';

test('nothing said is here', () => {
  expect(trainTarget(undefined)).toEqual({ kind: 'here' });
  expect(trainTarget('torchrun')).toEqual({ kind: 'torchrun' });
});

test.each([
  ['ray://10.0.0.7:8265', 'http://10.0.0.7:8265/'],
  ['ray://head', 'http://head:8265/'],
  ['ray://[::1]:9000/', 'http://[::1]:9000/'],
  ['rays://cluster.example', 'https://cluster.example/'],
])('%s is a cluster', (on, address) => {
  expect(trainTarget(on)).toEqual({ kind: 'ray', address: new URL(address) });
});

test.each(['ray', 'ray://', 'slurm', 'http://head:8265', 'ray://user@head', 'ray://head/path', 'ray://head:port'])(
  '%s is refused',
  (on) => {
    expect(() => trainTarget(on)).toThrow(/no place to train/);
  },
);
