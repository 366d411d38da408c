import type { Clock } from '../../base/clock.js';
import type { Books } from '../../company/billing/customers.js';
import { openDatabase } from '../../company/store/database.js';
import type { Project } from '../config/project.js';

/** Opens the project's books for as long as `work` takes; the embedded database stops with its last user. */
export async function withBooks<T>(project: Project, clock: Clock, work: (books: Books) => Promise<T>): Promise<T> {
  const database = await openDatabase({ projectDirectory: project.root, databaseUrl: project.config.database.url });
  try {
    return await work({ database, clock });
  } finally {
    await database.close();
  }
}
