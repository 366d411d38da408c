import { readFile } from 'node:fs/promises';
import { MoatError } from '../../base/errors.js';
import { formatCount, formatSeconds } from '../../base/units.js';
import type { AnswerFormat, GenerateDone, ScoredToken, TextEngine } from '../../lab/generate/engine.js';
import { type Insertion, insertWords } from '../../lab/generate/masked-insertion.js';
import { defineCommand } from '../command.js';
import { findModel } from '../stages/find-run.js';
import { filesOf } from '../stages/project-files.js';
import { loadEngine } from '../stages/local-models.js';
import type { Terminal } from '../terminal/terminal.js';

const DEFAULT_TEMPERATURE = 0.8;

export const command = defineCommand({
  name: 'generate',
  summary: 'let the model continue a text',
  description: 'Streams a continuation of the prompt from the newest model, or from the one of --run.',
  arguments: { prompt: { description: 'the text to continue', count: 'one' } },
  options: {
    run: { kind: 'text', placeholder: 'NAME', description: 'the run whose model to ask (default: the newest)' },
    chat: { kind: 'flag', description: "treat the prompt as a user's message, rendered by the chat template" },
    suffix: { kind: 'text', placeholder: 'TEXT', description: 'write what stands between the prompt and this' },
    insertTo: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 100_000,
      description: 'insert words until the text has N tokens; for an encoder',
    },
    maxTokens: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 1_000_000,
      default: 100,
      description: 'at most this many tokens',
    },
    temperature: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0,
      maximum: 2,
      description: `0 always takes the likeliest token (default: ${DEFAULT_TEMPERATURE})`,
    },
    topK: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 1_000_000,
      default: 0,
      description: 'among the N likeliest tokens; 0 is all',
    },
    topP: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0.000001,
      maximum: 1,
      default: 1,
      description: 'among the likeliest that sum to X',
    },
    minP: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0,
      maximum: 1,
      default: 0,
      description: 'among those at least X times as likely as the likeliest',
    },
    repetitionPenalty: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0.01,
      maximum: 100,
      default: 1,
      description: 'above 1: less of what was said or asked',
    },
    presencePenalty: {
      kind: 'number',
      placeholder: 'X',
      minimum: -2,
      maximum: 2,
      default: 0,
      description: 'above 0: less of what was said',
    },
    frequencyPenalty: {
      kind: 'number',
      placeholder: 'X',
      minimum: -2,
      maximum: 2,
      default: 0,
      description: 'above 0: the less the more often it was said',
    },
    logitBias: {
      kind: 'list',
      placeholder: 'ID=X',
      description: 'add X to the logit of a token, -100 to 100; several times',
    },
    logprobs: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 20,
      description: "show each token's log-probability, and N likeliest",
    },
    choices: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 16,
      default: 1,
      description: 'this many answers',
    },
    beams: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 64,
      default: 1,
      description: 'search the likeliest answer, N beginnings at a time',
    },
    lengthPenalty: {
      kind: 'number',
      placeholder: 'X',
      minimum: -10,
      maximum: 10,
      default: 1,
      description: 'of beams: 0 prefers short answers, above 1 long ones',
    },
    format: { kind: 'choice', choices: ['text', 'json'], default: 'text', description: 'json: one JSON object' },
    schema: { kind: 'text', placeholder: 'FILE', description: 'JSON that fits this JSON schema' },
    seed: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 4_294_967_295,
      description: 'equal seeds give equal answers',
    },
    stop: { kind: 'list', placeholder: 'TEXT', description: 'end before this text; may be given several times' },
  },
  settings: ['serve.threads', 'serve.quantization', 'serve.device'],
  examples: [
    { command: 'moat generate "Returns the"', does: 'continue a sentence' },
    { command: 'moat generate "Returns the" --temperature 0 --max-tokens 40', does: 'the likeliest words' },
    { command: 'moat generate "Dear " --suffix " Yours,"', does: 'what stands between, if it learned infill' },
    { command: 'moat generate 我是一名程序员 --insert-to 10', does: 'words between, if it learned masked' },
    { command: 'moat generate "An order:" --schema order.json', does: 'an answer that fits a JSON schema' },
  ],
  async run({ arguments: { prompt }, options, loadProject, terminal, signal }) {
    const project = await loadProject();
    const format = await formatOf(options);
    const logitBias = biasesOf(options.logitBias);
    const checkpoint = await findModel(filesOf(project).runs, options.run);
    if (options.insertTo !== undefined) {
      const settings = { length: options.insertTo, threads: project.config.serve.threads, signal };
      const steps = await showInsertions(terminal, insertWords(checkpoint, prompt, settings));
      return { json: { text: steps.at(-1)?.text ?? prompt, steps, checkpoint } };
    }
    const engine = await loadEngine(project, checkpoint);
    try {
      const promptTokens = promptOf(engine, prompt, options);
      const maxTokens = roomFor(promptTokens, options.maxTokens, engine);
      const { topK, topP, minP, stop, seed, logprobs, choices, beams, lengthPenalty } = options;
      const { repetitionPenalty, presencePenalty, frequencyPenalty } = options;
      const temperature = options.temperature ?? (beams > 1 ? 0 : DEFAULT_TEMPERATURE);
      const drawing = { temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty };
      const request = {
        ...drawing,
        promptTokens,
        maxTokens,
        stop,
        choices,
        beams,
        lengthPenalty,
        ...(seed === undefined ? {} : { seed }),
        ...(logprobs === undefined ? {} : { logprobs }),
        ...(format === undefined ? {} : { format }),
        ...(logitBias === undefined ? {} : { logitBias }),
      };
      const started = performance.now();
      const answers = Array.from({ length: choices }, (): Collected => ({ text: '', scores: [] }));
      if (choices === 1) terminal.write(options.chat ? '' : prompt);
      for await (const part of engine.generate(request, signal)) {
        if (part.type === 'done') {
          if (choices === 1) terminal.write(options.suffix ?? '');
          show(terminal, engine, answers, part, (performance.now() - started) / 1000);
          return { json: { text: answers[0]?.text, ...(choices > 1 ? { answers } : {}), checkpoint, ...part } };
        }
        const answer = answers[part.choice] as Collected;
        answer.text += part.text;
        answer.scores.push(...(part.logprobs ?? []));
        if (choices === 1) terminal.write(part.text);
      }
      throw new Error('the engine ended without saying so');
    } finally {
      await engine.close();
    }
  },
});

/** One line a word: the text with it, and how likely it was. */
async function showInsertions(terminal: Terminal, insertions: AsyncIterable<Insertion>): Promise<Insertion[]> {
  const steps: Insertion[] = [];
  for await (const step of insertions) {
    steps.push(step);
    terminal.print(`${step.text}   +${step.word} ${(step.probability * 100).toFixed(1)} %`);
  }
  if (steps.length === 0) terminal.print('No word is left that is not used already.');
  return steps;
}

function promptOf(
  engine: TextEngine,
  prompt: string,
  { chat, suffix }: { readonly chat: boolean; readonly suffix: string | undefined },
): number[] {
  if (suffix !== undefined && chat) {
    throw new MoatError('bad-option', '--suffix: a message has no text after it', { fix: 'Leave out --chat.' });
  }
  if (suffix !== undefined) return engine.encodeInfill(prompt, suffix);
  return chat ? engine.encodeChat([{ role: 'user', content: prompt }]) : engine.encode(prompt);
}

interface Collected {
  text: string;
  readonly scores: ScoredToken[];
}

function roomFor(promptTokens: readonly number[], wanted: number, { contextLength }: TextEngine): number {
  if (promptTokens.length === 0)
    throw new MoatError('empty-prompt', 'the prompt is empty', { fix: 'Give the model something to continue.' });
  const maxTokens = Math.min(wanted, contextLength - promptTokens.length);
  if (maxTokens >= 1) return maxTokens;
  const what = `the prompt has ${promptTokens.length} tokens; the model sees ${contextLength}`;
  throw new MoatError('context-overflow', what, { fix: 'Shorten the prompt.' });
}

/** @throws MoatError `bad-schema` for a file that cannot be read as JSON */
async function formatOf(options: { format: string; schema: string | undefined }): Promise<AnswerFormat | undefined> {
  const { format, schema: file } = options;
  if (file === undefined) return format === 'json' ? { type: 'json-object' } : undefined;
  try {
    return { type: 'json-schema', schema: JSON.parse(await readFile(file, 'utf8')) };
  } catch (error) {
    const what = error instanceof SyntaxError ? 'this is not JSON' : 'this file cannot be read';
    throw new MoatError('bad-schema', `${file}: ${what}`, { fix: 'Give a file with a JSON schema.', cause: error });
  }
}

function biasesOf(written: readonly string[]): Record<number, number> | undefined {
  if (written.length === 0) return undefined;
  return Object.fromEntries(
    written.map((pair) => {
      const [, token, bias] = /^(\d{1,9})=(-?\d+(?:\.\d+)?)$/.exec(pair) ?? [];
      if (token === undefined)
        throw new MoatError('bad-sampling', `--logit-bias ${pair} is not understood`, { fix: 'Write it as 42=-100.' });
      return [Number(token), Number(bias)];
    }),
  );
}

function show(
  terminal: Terminal,
  engine: TextEngine,
  answers: readonly Collected[],
  { outputTokens, cachedTokens, finishReasons }: GenerateDone,
  seconds: number,
): void {
  const { dim } = terminal.colors;
  if (answers.length > 1)
    for (const [index, { text }] of answers.entries()) terminal.print(`${dim(`${index + 1}.`)} ${text}`);
  else terminal.print('');
  const spelled = (token: number): string => JSON.stringify(Buffer.from(engine.tokenBytes(token)).toString('utf8'));
  for (const { token, logprob, top } of answers.flatMap(({ scores }) => scores)) {
    const others = top.map((other) => `${spelled(other.token)} ${other.logprob.toFixed(2)}`).join('  ');
    terminal.print(`${logprob.toFixed(2).padStart(7)}  ${spelled(token)}  ${dim(others)}`);
  }
  const facts = [
    `${outputTokens} tokens in ${formatSeconds(seconds)}`,
    `${formatCount(outputTokens / seconds)}/s`,
    ...(cachedTokens > 0 ? [`${cachedTokens} of the prompt were cached`] : []),
    finishReasons.join(', '),
  ];
  terminal.print(dim(facts.join(', ')));
}
