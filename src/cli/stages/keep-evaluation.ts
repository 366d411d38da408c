import { createHash } from 'node:crypto';
import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import type { TaskReport } from '../../lab/tasks/task-report.js';
import type { Project } from '../config/project.js';

const MAX_PART = 60;

/**
 * Keeps what `moat eval` found out in `evaluations/`, where the studio finds it; measuring the same again replaces it.
 * @returns the folder, from the project's; undefined where there is no project to keep it in
 */
export async function keepEvaluation(project: Project, report: TaskReport, file: string): Promise<string | undefined> {
  if (project.configFile === undefined) return undefined;
  const folder = path.join('evaluations', `${plain(report.name)}--${plain(path.parse(file).name)}`);
  await writeFileAtomic(project.resolve(folder, 'report.json'), `${JSON.stringify(report)}\n`);
  return folder;
}

/** As the studio takes names: letters, digits, ".", "_" and "-", beginning with one of the first two; of another name, with its hash. */
function plain(name: string): string {
  const kept = name
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, MAX_PART);
  if (kept === name) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 6);
  return kept === '' ? hash : `${kept}-${hash}`;
}
