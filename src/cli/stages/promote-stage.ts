/** Chooses, from the command line, which model of a project answers customers. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import { auditAs } from '../../company/access/audit-log.js';
import { assertNobodyHas } from '../../company/billing/model-customers.js';
import type { ModelSource } from '../../company/gateway/api-types.js';
import {
  checkpointName,
  findSource,
  folderOfSource,
  promotedSource,
  publicName,
  readServing,
  writePromotion,
  writeWithdrawal,
} from '../../company/gateway/model-source.js';
import { baseFolderOf } from '../../lab/generate/load-adapted-model.js';
import { readCausalModel } from '../../lab/models/registry.js';
import type { Project } from '../config/project.js';
import { withBooks } from './open-books.js';
import { filesOf } from './project-files.js';

export interface PromoteOptions {
  readonly project: Project;
  readonly clock: Clock;
  readonly run: string;
  /** What customers ask for. */
  readonly name: string;
  /** Default: the newest. */
  readonly checkpoint: string | undefined;
}

/**
 * Writes it down, with an entry in the audit log. That it can be served is seen by its configuration; it is not loaded.
 * @throws MoatError `usage`, `no-model`, `bad-serving`; those of `readCausalModel`
 */
export async function promoteModel({ project, clock, run, name, checkpoint }: PromoteOptions): Promise<ModelSource> {
  if (!publicName.safeParse(name).success) {
    throw new MoatError('usage', `--as "${name}": customers cannot ask for this name`, {
      fix: 'Take one without spaces and commas.',
    });
  }
  if (checkpoint !== undefined && !checkpointName.safeParse(checkpoint).success) {
    throw new MoatError('usage', `--checkpoint "${checkpoint}" is no name of a checkpoint`, {
      fix: 'Such as step-00000180; they lie in runs/NAME/checkpoints.',
    });
  }
  const { runs } = filesOf(project);
  const source = await findSource(runs, run, checkpoint);
  const configFile = path.join(await baseFolderOf(folderOfSource(runs, source)), 'config.json');
  readCausalModel(JSON.parse(await readFile(configFile, 'utf8')), configFile);
  await withBooks(project, clock, ({ database }) =>
    database.sql.begin(async (sql) => {
      const details = { run, checkpoint: source.checkpoint };
      await auditAs('command line', clock)(sql, { action: 'model.promoted', target: name, details });
      await writePromotion(project.root, name, source);
    }),
  );
  return source;
}

export interface WithdrawOptions {
  readonly project: Project;
  readonly clock: Clock;
  /** What customers ask for. */
  readonly name: string;
  /** Also where customers have it. */
  readonly force: boolean;
}

/**
 * Nothing answers under the name any more; the audit log has it.
 * @throws MoatError `not-promoted`, `bad-serving`, `own-name`, `model-in-use`
 */
export async function withdrawModel({ project, clock, name, force }: WithdrawOptions): Promise<ModelSource> {
  const source = await promotedSource(project.root, name);
  if (name === project.config.serve.modelId)
    throw new MoatError('own-name', `"${name}" is the project's own name, under which there is always a model`, {
      fix: 'Promote another one to it: moat models promote RUN.',
    });
  await withBooks(project, clock, async (books) => {
    if (!force) await assertNobodyHas(books, name);
    await books.database.sql.begin(async (sql) => {
      const details = { ...source, isForced: force };
      await auditAs('command line', clock)(sql, { action: 'model.withdrawn', target: name, details });
      await writeWithdrawal(project.root, name);
    });
  });
  return source;
}

/** By name, as they were promoted. @throws MoatError `bad-serving` */
export async function promotedModels(project: Project): Promise<({ readonly name: string } & ModelSource)[]> {
  return [...(await readServing(project.root))].map(([name, source]) => ({ name, ...source }));
}
