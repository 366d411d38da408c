import { MoatError } from '../../base/errors.js';
import { checkIdentity } from '../../company/gateway/upstream/engine-identity.js';
import { connectTo } from '../../company/gateway/upstream/upstream-connection.js';
import {
  type UpstreamModel,
  type UpstreamTarget,
  readUpstreams,
} from '../../company/gateway/upstream/upstream-file.js';
import { defineCommand } from '../command.js';
import { upstreamsFileOf } from '../stages/project-files.js';
import { type Column, table } from '../terminal/table.js';

/** One target, as it was found. */
interface Finding {
  readonly model: string;
  /** Up to and with /v1; no key is ever in it. */
  readonly url: string;
  readonly engine: string | null;
  readonly there: string;
  readonly contextLength: number | null;
  readonly tokens: 'same' | 'other' | 'not compared';
  readonly verdict: 'right' | 'wrong' | 'away';
  readonly problem: string;
}

export const command = defineCommand({
  name: 'upstreams',
  summary: 'whether the engines elsewhere are what upstreams.json says',
  description:
    'check: asks every engine of upstreams.json which model it serves, how much context it has and, where a tokenizer is named, which tokens a text has there. Ends with 1 where one of them is wrong or does not answer. moat serve asks the same at its start and every minute, and uses none that is wrong. An engine is asked who it is only where its target names one: "engine": "vllm" (docs/UPSTREAMS.md).',
  arguments: { action: { description: 'check', count: 'one' } },
  settings: ['serve.upstreams'],
  examples: [
    { command: 'moat upstreams check', does: 'a table: engine, model, context, tokens, verdict' },
    { command: 'moat upstreams check --json', does: 'the same for a script that deploys' },
  ],
  async run({ arguments: { action }, loadProject, env, terminal }) {
    if (action !== 'check')
      throw new MoatError('usage', `upstreams: "${action}" is not an action`, { fix: 'Write moat upstreams check.' });
    const file = upstreamsFileOf(await loadProject({ orDefaults: true }));
    const models = await readUpstreams(file, env);
    if (models.length === 0)
      throw new MoatError('no-upstreams', `${file}: there are no models elsewhere`, {
        fix: 'docs/UPSTREAMS.md shows how to write them down; moat deploy writes the file for a model of yours.',
      });
    const asked = models.flatMap((model) => model.targets.map((target) => findingOf(model, target)));
    const targets = await Promise.all(asked);
    const isRight = targets.every(({ verdict }) => verdict === 'right');
    terminal.print(table(COLUMNS, targets.map(rowOf), { columns: terminal.columns, heading: terminal.colors.bold }));
    for (const { model, url, problem } of targets)
      if (problem !== '') terminal.print(`${terminal.colors.red('✗')} ${model} at ${url}: ${problem}`);
    return { json: { file, isRight, targets }, exitCode: isRight ? 0 : 1 };
  },
});

const COLUMNS: readonly Column[] = [
  { title: 'model' },
  { title: 'where' },
  { title: 'engine' },
  { title: 'its name there' },
  { title: 'context', align: 'right' },
  { title: 'tokens' },
  { title: 'verdict' },
];

const rowOf = ({ model, url, engine, there, contextLength, tokens, verdict }: Finding): string[] => [
  model,
  new URL(url).host,
  engine ?? 'any',
  there,
  contextLength === null ? '?' : String(contextLength),
  tokens,
  verdict,
];

async function findingOf(model: UpstreamModel, target: UpstreamTarget): Promise<Finding> {
  const connection = connectTo(target);
  const facts = { model: model.modelId, url: target.url, engine: target.engine ?? null, there: target.model };
  try {
    if (target.engine === undefined) {
      const isAlive = await connection.probe();
      const problem = isAlive ? '' : 'GET /models is not answered with 200';
      return { ...facts, contextLength: null, tokens: 'not compared', verdict: isAlive ? 'right' : 'away', problem };
    }
    const { state, problem, contextLength, hasSameTokens } = await checkIdentity(model, target, connection);
    const tokens = hasSameTokens === undefined ? 'not compared' : hasSameTokens ? 'same' : 'other';
    return { ...facts, contextLength: contextLength ?? null, tokens, verdict: state, problem };
  } finally {
    connection.close();
  }
}
