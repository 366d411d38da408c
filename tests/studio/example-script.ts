/** An invented small business for the studio's tests and pictures. */
import type { RunEvent } from '../../src/base/run-events.js';
import type { Overview, RunSummary } from '../../src/company/gateway/api-types.js';
import type { Script } from './scripted-api.js';

const STARTED_MS = Date.parse('2026-03-02T08:30:00Z');
const at = (seconds: number): string => new Date(STARTED_MS + seconds * 1000).toISOString();

/** A loss that falls as losses do, with noise that is the same every time. */
export function stepEvent(step: number): RunEvent {
  const noise = Math.sin(step * 12.9898) * 0.06 + Math.sin(step * 78.233) * 0.05;
  return {
    type: 'step',
    time: at(step * 0.42),
    step,
    loss: 2.05 + 6.2 * Math.exp(-step / 45) + 0.9 * Math.exp(-step / 220) + noise,
    learningRateScale: 1,
    gradientNorm: 0.8,
    tokens: 2048,
    tokensPerSecond: 4870 + Math.sin(step / 9) * 90 + noise * 800,
    elapsedSeconds: step * 0.42,
    remainingSeconds: (300 - step) * 0.42,
    residentBytes: 612_000_000 + step * 40_000,
  };
}

export function evalEvent(step: number): RunEvent {
  const loss = 2.22 + 6 * Math.exp(-step / 47) + 0.8 * Math.exp(-step / 220);
  return { type: 'eval', time: at(step * 0.42), step, loss, bitsPerByte: loss * 0.56 };
}

/** Invented, too: how the same beginning might go on as the loss falls. */
const WRITTEN = [
  ' the the of , the and the , of to',
  ' you can the order of a and we will to the.',
  ' you can return the order to us and we will send the money.',
  ' you can return it within 30 days. Send it to the address on the label.',
  ' you can return it within 30 days, unworn. Print the label, and we refund you within a week.',
];

const GREETED = [
  'of the , the to',
  'the order is to the order.',
  'thank you for your order. The',
  'thank you for your order. It leaves us tomorrow.',
  'thank you for your order. It leaves us tomorrow, and the label is in the parcel.',
];

function sampleEvents(step: number): RunEvent[] {
  const written = (texts: readonly string[]) => texts[Math.min(texts.length - 1, Math.floor(step / 40))] ?? '';
  return Object.entries({ 'If it does not fit,': WRITTEN, 'Dear Ann,\n': GREETED }).map(([prompt, texts]) => ({
    type: 'sample',
    time: at(step * 0.42),
    step,
    prompt,
    text: written(texts),
    tokens: 24,
    seconds: 0.2,
  }));
}

function runEvents(steps: number): RunEvent[] {
  const start: RunEvent = {
    type: 'start',
    time: at(0),
    runName: 'support-v2',
    architecture: 'qwen3',
    parameterCount: 5_767_168,
    totalSteps: 300,
    tokensPerStep: 2048,
    trainTokens: 328_000,
    device: 'cpu',
    resumedFromStep: 0,
  };
  const events: RunEvent[] = [start];
  for (let step = 1; step <= steps; step++) {
    events.push(stepEvent(step));
    if (step % 25 === 0) events.push(evalEvent(step), ...sampleEvents(step));
  }
  return events;
}

function run(name: string, state: RunSummary['state'], step: number): RunSummary {
  const running = state === 'running';
  return {
    name,
    architecture: 'qwen3',
    parameterCount: 5_767_168,
    state,
    stopping: false,
    place: null,
    message: null,
    startedAt: at(0),
    step,
    totalSteps: 300,
    loss: step === 0 ? null : 2.31,
    bitsPerByte: step === 0 ? null : 1.42,
    tokensPerSecond: step === 0 ? null : 4880,
    elapsedSeconds: step * 0.42,
    remainingSeconds: running ? (300 - step) * 0.42 : null,
  };
}

const overview: Overview = {
  project: 'acme-support',
  currency: 'USD',
  today: {
    requests: 1284,
    inputTokens: 182_406,
    outputTokens: 96_315,
    revenueMicros: '1023150',
    costMicros: '131416',
    marginMicros: '891734',
  },
  total: {
    revenueMicros: '18402770',
    servingCostMicros: '2364120',
    trainingCostMicros: '24800000',
    tokensToBreakEven: 1_204_311,
  },
  models: [
    {
      id: 'acme-support',
      contextLength: 1024,
      parameterCount: 5_767_168,
      inputMicrosPerMillionTokens: '1000000',
      outputMicrosPerMillionTokens: '8000000',
    },
    {
      id: 'acme-draft',
      contextLength: 512,
      parameterCount: 1_940_224,
      inputMicrosPerMillionTokens: null,
      outputMicrosPerMillionTokens: null,
    },
  ],
  recentUsage: (
    [
      ['Northwind', 212, 148, '1396', 'finished'],
      ['Harbor Café', 96, 31, '344', 'aborted'],
      ['Northwind', 180, 121, '1148', 'finished'],
      ['Lindqvist & Co', 402, 256, '2450', 'finished'],
      ['Harbor Café', 88, 0, '0', 'failed'],
      ['acme-support', 14, 64, '0', 'finished'],
    ] as const
  ).map(([customer, inputTokens, outputTokens, chargedMicros, status], index) => ({
    id: `use_${index}`,
    time: at(7200 - index * 47),
    customer,
    model: 'acme-support',
    inputTokens,
    outputTokens,
    chargedMicros,
    status,
  })),
};

/** A fresh copy each time: tests change what the server says. */
export function exampleScript(): Script {
  return structuredClone({
    overview,
    runs: [
      run('support-v2', 'running', 180),
      run('support-v1', 'finished', 300),
      run('wide-trial', 'interrupted', 74),
      run('first-light', 'stopped', 120),
    ],
    customers: (
      [
        ['Northwind', '48201334', 3],
        ['Harbor Café', '3120', 1],
        ['Lindqvist & Co', '112500000', 2],
        ['Orchard Books', '0', 1],
      ] as const
    ).map(([name, balanceMicros, keyCount], index) => ({
      id: `cus_${index}`,
      name,
      balanceMicros,
      recentChargedMicros: '0',
      currency: 'USD',
      keyCount,
      createdAt: at(-86_400 * (9 + index * 6)),
    })),
    events: runEvents(180),
    answer:
      'Open the order in your account and choose “Return”. We send a label by e-mail; the refund follows within three days of arrival.'.split(
        /(?= )/,
      ),
    chunkMs: 15,
  });
}

/** A project on its first day: nothing trained, served, sold or measured. */
export function emptyScript(): Script {
  return {
    ...exampleScript(),
    overview: {
      ...overview,
      today: { requests: 0, inputTokens: 0, outputTokens: 0, revenueMicros: '0', costMicros: null, marginMicros: null },
      total: { revenueMicros: '0', servingCostMicros: null, trainingCostMicros: null, tokensToBreakEven: null },
      models: [],
      recentUsage: [],
    },
    runs: [],
    customers: [],
    events: [],
  };
}
