import type { Project } from '../config/project.js';

/** Where a project keeps what its stages make; everything but `runs/` and `models/` can be made again from the data. */
export interface ProjectFiles {
  readonly corpus: string;
  readonly tokenizer: string;
  readonly shards: string;
  readonly runs: string;
  /** Models fitted to tasks, a folder each. */
  readonly models: string;
  /** State of this project on this machine: database, studio token. */
  readonly state: string;
}

export function filesOf(project: Project): ProjectFiles {
  const state = project.resolve('.moat');
  return {
    state,
    corpus: project.resolve('.moat', 'corpus'),
    tokenizer: project.resolve('.moat', 'tokenizer'),
    shards: project.resolve('.moat', 'shards'),
    runs: project.resolve('runs'),
    models: project.resolve('models'),
  };
}

/** Where models that run elsewhere are written down. */
export const upstreamsFileOf = (project: Project): string =>
  project.resolve(project.config.serve.upstreams ?? 'upstreams.json');
