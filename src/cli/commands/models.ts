import { formatCount } from '../../base/units.js';
import type { ModelSource } from '../../company/gateway/api-types.js';
import { type Architecture, parameterCount } from '../../lab/models/model.js';
import { architectures, readModelConfig } from '../../lab/models/registry.js';
import { MoatError } from '../../base/errors.js';
import { type CommandContext, type CommandResult, defineCommand } from '../command.js';
import { promoteModel, promotedModels, withdrawModel } from '../stages/promote-stage.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

/** What can be done with a model of each kind, and by which command or program. */
const USES: Readonly<Record<Architecture['kind'], string>> = {
  causal: 'train, generate, serve',
  classifier: 'train (examples/)',
  encoder: 'load, embed',
  'encoder-decoder': 'train, translate (examples/)',
  adversarial: 'train, draw (examples/)',
};

export const command = defineCommand({
  name: 'models',
  summary: 'the architectures there are; which model answers customers',
  description:
    'Lists every architecture: what it does here, a customary size with its parameters, and the paper that describes it. Those marked train, generate, serve are what moat train takes as --architecture. promote RUN lets a model of the project answer customers, from the next request on; its checkpoint stays, however long the run trains on. withdraw NAME ends that, unless customers have the model in a plan or a key. The audit log has both.',
  arguments: {
    action: { description: 'promote, withdraw or promoted; nothing for the table of architectures', count: 'optional' },
    target: {
      description: 'what to promote: a run, or a model that was imported into runs/; what to withdraw: a name',
      count: 'optional',
    },
  },
  options: {
    as: { kind: 'text', placeholder: 'NAME', description: "the name customers ask for (default: the project's)" },
    checkpoint: { kind: 'text', placeholder: 'STEP', description: 'such as step-00000180 (default: the newest)' },
    force: { kind: 'flag', description: 'withdraw it although customers have it' },
  },
  settings: ['serve.modelId', 'database'],
  examples: [
    { command: 'moat models', does: 'the table' },
    { command: 'moat models --json', does: 'the same for programs, with the configurations' },
    { command: 'moat models promote second', does: "its newest checkpoint answers under the project's name" },
    { command: 'moat models promote qwen3 --as large', does: 'an imported model, under a name of its own' },
    { command: 'moat models promoted', does: 'what was promoted' },
    { command: 'moat models withdraw large', does: 'nothing answers under that name any more' },
  ],
  async run(context) {
    const { action, target } = context.arguments;
    if (action === undefined) return listArchitectures(context.terminal);
    if (action === 'promote' && target !== undefined) return promote(context, target);
    if (action === 'withdraw' && target !== undefined) return withdraw(context, target);
    if (action === 'promoted') return listPromoted(context);
    throw new MoatError('usage', `models: "${action}" is not an action, or what it is about is missing`, {
      fix: 'Write promote RUN, withdraw NAME, promoted, or nothing.',
    });
  },
});

type Context = Pick<
  CommandContext<{
    as: { kind: 'text'; placeholder: string; description: string };
    checkpoint: { kind: 'text'; placeholder: string; description: string };
    force: { kind: 'flag'; description: string };
  }>,
  'options' | 'loadProject' | 'clock' | 'terminal'
>;

async function promote({ options, loadProject, clock, terminal }: Context, run: string): Promise<CommandResult> {
  const project = await loadProject();
  const name = options.as ?? project.config.serve.modelId;
  const source = await promoteModel({ project, clock, run, name, checkpoint: options.checkpoint });
  terminal.print(
    `"${name}" is ${nameOf(source)} from now on. A server that runs takes it up within seconds, unless it was started with --run.`,
  );
  return { json: { name, ...source } };
}

async function withdraw({ options, loadProject, clock, terminal }: Context, name: string): Promise<CommandResult> {
  const source = await withdrawModel({ project: await loadProject(), clock, name, force: options.force });
  terminal.print(
    `Nothing answers as "${name}" from now on; it was ${nameOf(source)}. A server that runs ends it within seconds; its price stays in its book.`,
  );
  return { json: { name, ...source } };
}

async function listPromoted({ loadProject, terminal }: Context): Promise<CommandResult> {
  const promoted = await promotedModels(await loadProject());
  const columns = [{ title: 'name' }, { title: 'model' }];
  const rows = promoted.map(({ name, ...source }) => [name, nameOf(source)]);
  terminal.print(
    rows.length === 0
      ? 'Nothing was promoted: moat serve takes the newest model. Choose one with moat models promote RUN.'
      : table(columns, rows, { columns: terminal.columns, heading: terminal.colors.bold }),
  );
  return { json: { promoted } };
}

const nameOf = ({ run, checkpoint }: ModelSource): string =>
  checkpoint === null ? `runs/${run}` : `runs/${run}, ${checkpoint}`;

function listArchitectures(terminal: Terminal): CommandResult {
  const listed = architectures.map((architecture) => {
    const { modelType, title, kind, source, example, sized } = architecture;
    const config = { model_type: modelType, ...example.config };
    const { model } = readModelConfig(config, example.name);
    const uses = kind === 'causal' && sized === undefined ? 'load, generate, serve' : USES[kind];
    return {
      modelType,
      title,
      kind,
      uses,
      example: example.name,
      parameters: parameterCount(model.parameters),
      source,
      config,
    };
  });
  const rows = listed.map((each) => [each.modelType, each.uses, each.example, formatCount(each.parameters)]);
  const columns = [
    { title: 'architecture' },
    { title: 'here' },
    { title: 'customary size' },
    { title: 'parameters', align: 'right' as const },
  ];
  terminal.print(table(columns, rows, { columns: terminal.columns, heading: terminal.colors.bold }));
  const names = Math.max(...listed.map(({ modelType }) => modelType.length));
  terminal.print(`\n${terminal.colors.bold('described in')}`);
  for (const { modelType, source } of listed) terminal.print(`${modelType.padEnd(names)}  ${source}`);
  return { json: { architectures: listed } };
}
