import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { type OptionValues, defineCommand } from '../command.js';
import { hourlyMicrosOf } from '../stages/business-facts.js';
import { filesOf } from '../stages/project-files.js';
import type { WorkersOptions } from '../stages/tune-options.js';
import { previewRecords, printPreview } from '../stages/tune-preview.js';
import { readTuneRequest } from '../stages/tune-request.js';
import { runTuneStage } from '../stages/tune-stage.js';
import { targetOptions, trainTarget } from './train-target.js';
import { KEY_VARIABLE, pricesOf, requestOf, tuneFlags } from './tune-flags.js';

export const command = defineCommand({
  name: 'tune',
  summary: 'teach a model from conversations, questions with answers',
  description:
    'Fine-tunes the model of a folder on records with roles: OpenAI messages, ShareGPT, Alpaca, prompt/completion, question/answer (JSONL, JSON, CSV). Only what assistants say is learned, in the words of the model’s own chat template; look at it first with --preview. Records of one id are held out together; the weights that do best on them are kept in a folder as Hugging Face has them. --objective dpo learns which of two answers is better, distil learns from a larger model. Ctrl-C saves and stops; --resume goes on exactly where it was, also after a kill. --on trains on PyTorch, on this machine or a cluster, with the same losses.',
  arguments: { data: { description: 'the file of records; left out with --resume', count: 'optional' } },
  options: {
    ...tuneFlags,
    out: { kind: 'text', placeholder: 'FOLDER', description: 'where the result goes (default: runs/tuned)' },
    preview: { kind: 'flag', description: 'show three records with what is learned of them, and stop' },
    resume: {
      kind: 'flag',
      short: 'r',
      description: 'go on with the run in the folder of --out, as it was asked for, here or with --on',
    },
    ...targetOptions,
  },
  settings: ['business.machineHourlyPrice'],
  examples: [
    { command: 'moat tune faq.jsonl --from runs/smol --preview', does: 'what would be learned' },
    { command: 'moat tune faq.jsonl --from runs/smol --out support --epochs 2', does: 'a model in the folder support' },
    { command: 'moat tune faq.jsonl --from runs/smol --lora 8', does: 'a small adapter instead' },
    {
      command: 'moat tune faq.jsonl --from runs/smol --lora 8 --on torchrun',
      does: "on this machine's PyTorch, all GPUs",
    },
    { command: 'moat tune --resume --out support', does: 'go on with a run that was stopped' },
    { command: 'moat tune pairs.jsonl --from support --objective dpo', does: 'prefer the better of two answers' },
  ],
  async run({ arguments: { data }, options, cwd, env, terminal, reporter, clock, signal, loadProject }) {
    const there = workersOf(options, env);
    checkTogether(options, data);
    if (options.preview) {
      const { data: file, from } = requestOf(options, recordsOf(data), cwd);
      const previews = await previewRecords(file, from, options.objective === 'dpo');
      printPreview(previews, terminal);
      return { json: { records: previews } };
    }
    const given = options.resume ? undefined : requestOf(options, recordsOf(data), cwd);
    const project = await loadProject({ orDefaults: true });
    const out = options.out === undefined ? path.join(filesOf(project).runs, 'tuned') : path.resolve(cwd, options.out);
    const request = given ?? (await readTuneRequest(out));
    const threads = options.threads ?? request.settings.threads;
    const result = await runTuneStage({
      request: { ...request, settings: { ...request.settings, threads } },
      out,
      resume: options.resume,
      there,
      apiKey: env[KEY_VARIABLE],
      prices: pricesOf(options.teacherPrices),
      hourlyMicros: hourlyMicrosOf(project),
      clock,
      signal,
      reporter,
    });
    const again = `moat tune --resume --out ${path.relative(cwd, out) || '.'}`;
    if (result === undefined) terminal.print(leftThere(again, options));
    if (result?.reason === 'stopped')
      terminal.print(`go on with: ${again}${options.on === undefined ? '' : ` --on ${options.on}`}`);
    return { json: { folder: out, ...result } };
  },
});

function recordsOf(data: string | undefined): string {
  if (data !== undefined) return data;
  throw new MoatError('usage', 'tune: no file of records is named', {
    fix: 'Give one: moat tune faq.jsonl --from FOLDER.',
  });
}

/** What a run was asked once and for all. */
const ASKED_ONCE = [
  'from',
  'lora',
  'loraAlpha',
  'loraModules',
  'teacher',
  'maxSteps',
  'maxSeconds',
  'learningRate',
  'evalEvery',
  'patience',
] as const;

type Asked = Pick<OptionValues<typeof tuneFlags>, (typeof ASKED_ONCE)[number]>;

/** Options that would say otherwise than the run's folder are refused rather than passed over. */
function checkTogether(options: Asked & { resume: boolean; preview: boolean }, data: string | undefined): void {
  if (!options.resume) return;
  const named = options.preview ? 'preview' : ASKED_ONCE.find((name) => options[name] !== undefined);
  const also =
    data !== undefined ? `the file ${data}` : named && `--${named.replaceAll(/[A-Z]/g, '-$&').toLowerCase()}`;
  if (also === undefined) return;
  throw new MoatError('usage', `tune: --resume goes on with what was asked, and ${also} was given`, {
    fix: 'Leave one of them out; the folder of the run is named with --out.',
  });
}

/** @returns undefined to train here @throws MoatError `bad-target` */
function workersOf(options: OptionValues<typeof targetOptions>, env: NodeJS.ProcessEnv): WorkersOptions | undefined {
  const target = trainTarget(options.on);
  if (target.kind === 'here') return undefined;
  const { workers, workerCpus, storage, detach, install } = options;
  const cluster = target.kind === 'ray' ? target.address : undefined;
  return { cluster, workers, workerCpus, storage, detach, install, env };
}

/** Of a run that goes on by itself, or whose checkpoints lie where only the workers look. */
function leftThere(again: string, { detach, on, storage }: OptionValues<typeof targetOptions>): string {
  const place = storage === undefined ? '' : ` --storage ${storage}`;
  if (detach) return `follow it, or stop it with Ctrl-C then: ${again} --on ${on}${place}`;
  return `its checkpoints lie in ${storage}: copy the folder checkpoints beside tuning.json, then: ${again}`;
}
