import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { MoatError, messageOf } from '../../base/errors.js';
import { defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { upstreamsFileOf } from '../stages/project-files.js';
import { startService } from '../stages/serve-stage.js';
import { servedFolders } from '../stages/served-folders.js';
import { summaryBox } from '../terminal/summary-box.js';

const NO_MODELS = 'none yet: train one and promote it, in the studio or with moat train';

export const command = defineCommand({
  name: 'serve',
  summary: 'sell the model: an OpenAI-compatible API, and the studio',
  description:
    'Serves the models that were promoted (moat models promote); where none was, the newest one, or the one of --run; and the models elsewhere that upstreams.json names; without any of them, the studio alone; with keys, prepaid credit and exact metering, at the prices of the project. Ctrl-C lets answers finish, settles them and stops. Several may serve from one PostgreSQL (docs/RELIABILITY.md).',
  options: {
    run: {
      kind: 'text',
      placeholder: 'NAME',
      description: 'the run whose model to serve (default: what was promoted, else the newest)',
    },
    elsewhere: { kind: 'flag', description: 'no model here: those of upstreams.json alone' },
  },
  settings: ['serve', 'business', 'currency', 'timeZone', 'database'],
  jsonLines: 'one object when the server is ready: url, studioUrl, model, models, checkpoint, database',
  examples: [
    { command: 'moat serve', does: 'what was promoted, else the newest model' },
    { command: 'moat serve --port 8080 --run first', does: 'a named run on another port' },
    { command: 'moat serve --drain-notice 10 --drain-grace 600', does: 'behind a load balancer that follows /readyz' },
  ],
  async run({ options, loadProject, terminal, reporter, signal, clock, env, emit }) {
    const project = await loadProject();
    const folders = options.elsewhere ? noFolders(project, options.run) : await servedFolders(project, options.run);
    const checkpoint = folders.values().next().value;
    const service = await startService({
      project,
      folders,
      isFixed: options.elsewhere || options.run !== undefined,
      clock,
      env,
      onProblem: (error) => reporter.warn(messageOf(error)),
    });
    try {
      const { gateway, studioUrl, modelIds, books } = service;
      const models = modelIds.join(', ');
      emit({
        url: gateway.url,
        studioUrl,
        model: modelIds[0],
        models: modelIds,
        checkpoint,
        database: books.database.location,
      });
      terminal.print(
        summaryBox(
          `${project.config.name} is open`,
          [
            ['API', `${gateway.url}/v1`],
            ['models', checkpoint === undefined ? models || NO_MODELS : `${models} (${checkpoint})`],
            ['books', books.database.location],
            ['a key', 'moat keys create NAME --credit 5.00'],
            ['stop', 'Ctrl-C'],
          ],
          { columns: terminal.columns },
        ),
      );
      // alone on its line, so that a terminal can open it and a person can copy it
      terminal.print(`studio  ${studioUrl}`);
      if (!signal.aborted) await once(signal, 'abort');
      terminal.print('closing: answers finish and are settled …');
    } finally {
      await service.close();
    }
    return { exitCode: 0 };
  },
});

function noFolders(project: Project, run: string | undefined): Map<string, string> {
  if (run !== undefined)
    throw new MoatError('usage', 'serve: --elsewhere and --run exclude each other', { fix: 'Give one of them.' });
  const file = upstreamsFileOf(project);
  if (existsSync(file)) return new Map();
  throw new MoatError('no-upstreams', `${file}: there is no such file, and no model elsewhere`, {
    fix: 'docs/UPSTREAMS.md shows what to write there; moat deploy writes it for a model of yours.',
  });
}
