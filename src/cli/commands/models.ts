import { formatCount } from '../../base/units.js';
import { type Architecture, parameterCount } from '../../lab/models/model.js';
import { architectures, readModelConfig } from '../../lab/models/registry.js';
import { defineCommand } from '../command.js';
import { table } from '../terminal/table.js';

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
  summary: 'the architectures there are, with sizes and sources',
  description:
    'Lists every architecture: what it does here, a customary size with its parameters, and the paper that describes it. Those marked train, generate, serve are what moat train takes as --architecture.',
  examples: [
    { command: 'moat models', does: 'the table' },
    { command: 'moat models --json', does: 'the same for programs, with the configurations' },
  ],
  async run({ terminal }) {
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
  },
});
