import { stat } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatBytes, formatCount } from '../../base/units.js';
import { ADAPTER_FILE, readAdapterFolder } from '../../lab/checkpoint/adapter-folder.js';
import { mergeAdapter } from '../../lab/generate/merge-adapter.js';
import { type CommandResult, defineCommand } from '../command.js';
import { findModelOrFolder } from '../stages/find-run.js';
import type { Reporter } from '../terminal/reporter.js';
import type { Terminal } from '../terminal/terminal.js';

export const command = defineCommand({
  name: 'adapter',
  summary: 'look at a low-rank adapter, or merge it into its base',
  description:
    'info: what a LoRA or DoRA adapter of moat or of the PEFT library holds. merge: writes a model folder with the adapter added to the weights of its base, in float32; an adapter for another base is refused, by the hash of the weights where the adapter has it and else by shapes.',
  arguments: {
    action: { description: 'info or merge', count: 'one' },
    adapter: { description: 'the folder with adapter_config.json', count: 'one' },
    base: { description: 'for merge: the name of a run, or the folder of the base', count: 'optional' },
    folder: { description: 'for merge: the folder to make', count: 'optional' },
  },
  examples: [
    { command: 'moat adapter info runs/niche', does: 'its base, rank and modules' },
    { command: 'moat adapter merge runs/niche runs/smollm2 runs/merged', does: 'a model to serve or export' },
  ],
  async run({ arguments: { action, adapter, base, folder }, cwd, reporter, terminal, signal }) {
    const from = path.resolve(cwd, adapter);
    if (action === 'info') return showInfo(from, terminal);
    if (action !== 'merge')
      throw new MoatError('usage', `adapter: "${action}" is not an action`, { fix: 'Write info or merge.' });
    if (base === undefined || folder === undefined) {
      throw new MoatError('usage', 'adapter merge: the base or the folder to make is missing', {
        fix: 'Write: moat adapter merge ADAPTER BASE FOLDER.',
      });
    }
    return merge({ adapter: from, base: await findModelOrFolder(cwd, base), cwd, folder, reporter, signal });
  },
});

async function showInfo(directory: string, terminal: Terminal): Promise<CommandResult> {
  const { config, baseModel, baseSha256, tensors } = await readAdapterFolder(directory);
  const { size: sizeBytes } = await stat(path.join(directory, ADAPTER_FILE));
  const { rank, alpha, dropout = 0, useDora = false, useRslora = false, targetModules, modulesToSave = [] } = config;
  const modules = Array.isArray(targetModules) ? targetModules : [];
  const parameterCount = [...tensors.values()].reduce((total, { data }) => total + data.length, 0);
  const kind = `${useDora ? 'DoRA' : 'LoRA'}${useRslora ? ', rank-stabilised' : ''}`;
  terminal.print(`kind     ${kind}, rank ${rank}, alpha ${alpha}, dropout ${dropout}`);
  terminal.print(`modules  ${formatCount(modules.length)}: ${lastNames(modules).join(', ')}`);
  if (modulesToSave.length > 0) terminal.print(`whole    ${modulesToSave.join(', ')}`);
  terminal.print(`size     ${formatCount(parameterCount)} parameters, ${formatBytes(sizeBytes)}`);
  const proof =
    baseSha256 === undefined ? 'no hash of its weights' : `weights with SHA-256 ${baseSha256.slice(0, 12)}…`;
  terminal.print(`base     ${baseModel ?? 'not named'}, ${proof}`);
  return { json: { directory, ...config, baseModel, baseSha256, parameterCount, sizeBytes } };
}

const lastNames = (modules: readonly string[]): string[] => [
  ...new Set(modules.map((name) => name.slice(name.lastIndexOf('.') + 1))),
];

interface Merge {
  readonly adapter: string;
  readonly base: string;
  readonly cwd: string;
  readonly folder: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

async function merge({ adapter, base, cwd, folder, reporter, signal }: Merge): Promise<CommandResult> {
  const target = path.resolve(cwd, folder);
  const stage = reporter.stage('merge');
  const result = await mergeAdapter(adapter, base, target, {
    signal,
    onProgress: ({ tensorsDone, tensorCount }) =>
      stage.progress({ fraction: tensorsDone / tensorCount, text: `${tensorsDone} of ${tensorCount} tensors` }),
  });
  stage.done(`${formatCount(result.mergedModules)} modules of ${result.modelType}, in ${folder}`);
  if (!result.baseIsProven)
    reporter.warn('the adapter does not say which weights it was trained on: only the shapes were compared');
  return { json: { folder: target, ...result } };
}
