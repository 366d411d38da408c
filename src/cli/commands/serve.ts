import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { MoatError, messageOf } from '../../base/errors.js';
import { defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { findModel } from '../stages/find-run.js';
import { filesOf } from '../stages/project-files.js';
import { upstreamsFileOf } from '../stages/project-files.js';
import { startService } from '../stages/serve-stage.js';
import { summaryBox } from '../terminal/summary-box.js';

export const command = defineCommand({
  name: 'serve',
  summary: 'sell the model: an OpenAI-compatible API, and the studio',
  description:
    'Serves the newest model (or the one of --run), and the models elsewhere that upstreams.json names, with keys, prepaid credit and exact metering, at the prices of the project. Ctrl-C lets answers finish, settles them and stops.',
  options: {
    run: { kind: 'text', placeholder: 'NAME', description: 'the run whose model to serve (default: the newest)' },
  },
  settings: ['serve', 'business', 'currency', 'timeZone', 'database'],
  jsonLines: 'one object when the server is ready: url, studioUrl, model, models, checkpoint, database',
  examples: [
    { command: 'moat serve', does: 'the newest model' },
    { command: 'moat serve --port 8080 --run first', does: 'a named run on another port' },
  ],
  async run({ options, loadProject, terminal, reporter, signal, clock, env, emit }) {
    const project = await loadProject();
    const checkpoint = await modelToServe(project, options.run);
    const service = await startService({
      project,
      model: checkpoint,
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
            ['models', checkpoint === undefined ? models : `${models} (${checkpoint})`],
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

/** The model that runs here; none is needed where there are models elsewhere. */
async function modelToServe(project: Project, run: string | undefined): Promise<string | undefined> {
  try {
    return await findModel(filesOf(project).runs, run);
  } catch (error) {
    if (run === undefined && isMoatError(error, 'no-model') && existsSync(upstreamsFileOf(project))) return undefined;
    throw error;
  }
}

const isMoatError = (error: unknown, code: string): boolean => error instanceof MoatError && error.code === code;
