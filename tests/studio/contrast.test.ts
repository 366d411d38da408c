import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const css = readFileSync(new URL('../../src/studio/styles/tokens.css', import.meta.url), 'utf8');

/** The hex colours of one light; the dark block overrides the first. */
function colorsOf(block: string): Record<string, string> {
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+):\s*(#[\da-f]{6})/g)].map(([, name = '', hex = '']) => [name, hex]),
  );
}

/** WCAG 2.2, "relative luminance". */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const TEXT_ON_GROUND = [
  ...['ground', 'surface', 'sunken'].flatMap((ground) => [
    ['text', ground],
    ['text-soft', ground],
  ]),
  ...['good', 'bad'].flatMap((tone) => [
    [tone, 'surface'],
    [tone, `${tone}-soft`],
  ]),
  ['text', 'accent-soft'],
  ['text-soft', 'accent-soft'],
  ['accent-strong', 'accent-soft'],
  ['on-accent', 'accent'],
];
const SHAPES_ON_GROUND = [
  ['line-strong', 'surface'],
  ['accent', 'surface'],
  ['accent', 'line'],
  ['chart-train', 'surface'],
  ['chart-held-out', 'surface'],
  ['chart-third', 'surface'],
  ['chart-fourth', 'surface'],
  ['chart-fifth', 'surface'],
];

const [light = '', dark = ''] = css.split(":root[data-theme='dark']");
it.each([
  ['light', colorsOf(light)],
  ['dark', { ...colorsOf(light), ...colorsOf(dark) }],
])('text reaches 4.5 : 1 and shapes 3 : 1 in the %s', (_, colors) => {
  const ratioOf = ([front = '', back = '']: string[]): number => contrast(colors[front] ?? '', colors[back] ?? '');
  for (const pair of TEXT_ON_GROUND) expect(ratioOf(pair), pair.join(' on ')).toBeGreaterThanOrEqual(4.5);
  for (const pair of SHAPES_ON_GROUND) expect(ratioOf(pair), pair.join(' on ')).toBeGreaterThanOrEqual(3);
});
