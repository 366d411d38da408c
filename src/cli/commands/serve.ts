import { once } from 'node:events';
import { messageOf } from '../../base/errors.js';
import { defineCommand } from '../command.js';
import { findModel } from '../stages/find-run.js';
import { filesOf } from '../stages/project-files.js';
import { startService } from '../stages/serve-stage.js';
import { summaryBox } from '../terminal/summary-box.js';

export const command = defineCommand({
  name: 'serve',
  summary: 'sell the model: an OpenAI-compatible API, and the studio',
  description:
    'Serves the newest model (or the one of --run) with keys, prepaid credit and exact metering, at the prices of the project. Ctrl-C lets answers finish, settles them and stops.',
  options: {
    run: { kind: 'text', placeholder: 'NAME', description: 'the run whose model to serve (default: the newest)' },
  },
  settings: ['serve', 'business', 'currency', 'timeZone', 'database'],
  jsonLines: 'one object when the server is ready: url, studioUrl, model, checkpoint, database',
  examples: [
    { command: 'moat serve', does: 'the newest model' },
    { command: 'moat serve --port 8080 --run first', does: 'a named run on another port' },
  ],
  async run({ options, loadProject, terminal, reporter, signal, clock, emit }) {
    const project = await loadProject();
    const checkpoint = await findModel(filesOf(project).runs, options.run);
    const service = await startService({
      project,
      model: checkpoint,
      clock,
      onProblem: (error) => reporter.warn(messageOf(error)),
    });
    try {
      const { gateway, studioUrl, engine, books } = service;
      emit({ url: gateway.url, studioUrl, model: engine.modelId, checkpoint, database: books.database.location });
      terminal.print(
        summaryBox(
          `${project.config.name} is open`,
          [
            ['API', `${gateway.url}/v1`],
            ['model', `${engine.modelId} (${checkpoint})`],
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
