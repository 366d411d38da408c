/**
 * What the page of a run costs when the run is long: 100,000 steps, 29 MB of events. The first answer reads the file once, every
 * later one what was added since; the drawing is real Chromium, from the click on the run's name to the painted chart.
 */
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import type { StepEvent } from '../src/base/run-events.js';
import { openScratchGateway } from '../tests/scratch-gateway.js';
import { chromiumPath, launch, openStudio } from '../tests/studio/browser.js';
import { exampleScript, stepEvent } from '../tests/studio/example-script.js';
import { type BenchResult, median } from './result.js';

const STEPS = 100_000;
const ROUNDS = 9;
const TARGET_MS = 200;

export async function runChartGroup(): Promise<BenchResult[]> {
  const opened = await openScratchGateway([], []);
  try {
    const file = await seed(path.join(opened.scratch.directory, 'runs'));
    const first: number[] = [];
    const later: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // each gateway has read nothing yet
      const gateway = await opened.start();
      const ask = () => answerMs(`${gateway.url}/api/runs/long/curve`, gateway.studioToken);
      first.push(await ask());
      await appendFile(file, linesOf(10, STEPS + round * 10));
      later.push(await ask());
      await gateway.close();
    }
    const studioDirectory = fileURLToPath(new URL('../dist/studio', import.meta.url));
    const gateway = await opened.start({ studioDirectory });
    const drawn = chromiumPath === undefined ? [] : await drawTimes(gateway.url, gateway.studioToken);
    await gateway.close();
    return [
      result('first answer, 100,000 steps', first),
      result('later answer, 100,000 steps and 10 more', later),
      ...(drawn.length === 0 ? [] : [result('from click to painted chart, Chromium', drawn)]),
    ];
  } finally {
    await opened.close();
  }
}

function result(name: string, values: readonly number[]): BenchResult {
  const rest = { peer: null, peerName: null, ratio: null, target: TARGET_MS, runs: values.length };
  return { group: 'run-chart', name, unit: 'ms', ours: median(values), ...rest };
}

/** A run of many steps, and a short one to look at in between. @returns the event file of the long one */
async function seed(runs: string): Promise<string> {
  const [start] = exampleScript().events;
  for (const name of ['long', 'short']) await mkdir(path.join(runs, name), { recursive: true });
  const fileOf = (name: string): string => path.join(runs, name, 'events.jsonl');
  await writeFile(fileOf('short'), `${JSON.stringify(start)}\n${linesOf(20, 0)}`);
  await writeFile(fileOf('long'), `${JSON.stringify(start)}\n${linesOf(STEPS, 0)}`);
  return fileOf('long');
}

function linesOf(count: number, after: number): string {
  return Array.from({ length: count }, (_, index) => {
    const event = stepEvent(after + index + 1) as StepEvent;
    return `${JSON.stringify({ ...event, joules: (after + index) * 12.345678 })}\n`;
  }).join('');
}

async function answerMs(url: string, token: string): Promise<number> {
  const started = performance.now();
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await response.json();
  return performance.now() - started;
}

async function drawTimes(url: string, token: string): Promise<number[]> {
  const browser = await launch();
  try {
    const view = { language: 'en', theme: 'light', width: 1280, height: 900 } as const;
    const { page } = await openStudio(browser, `${url}/`, view, token, 'runs?run=short');
    await page.locator('.chart-frame canvas').first().waitFor();
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      times.push(await timeToDraw(page, 'long', 1000));
      await timeToDraw(page, 'short', 20);
    }
    return times;
  } finally {
    await browser.close();
  }
}

/** Milliseconds from the click on a run's name until a frame with at least so many points in its first chart is on the screen. */
async function timeToDraw(page: Page, name: string, points: number): Promise<number> {
  const script = `new Promise((resolve) => {
    const button = [...document.querySelectorAll('.run')].find((each) => each.querySelector('.run-name').textContent === '${name}');
    const started = performance.now();
    button.click();
    const look = () => {
      const title = document.querySelector('.run-title')?.textContent;
      const frame = document.querySelector('.training .chart-frame');
      if (title !== '${name}' || Number(frame?.dataset.points ?? 0) < ${points} || frame.querySelector('canvas') === null)
        return requestAnimationFrame(look);
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - started)));
    };
    requestAnimationFrame(look);
  })`;
  return (await page.evaluate(script)) as number;
}
