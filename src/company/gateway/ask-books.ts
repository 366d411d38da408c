import { isUnreachable } from '../store/database.js';
import { booksAway } from './api-problem.js';

/** A database that takes connections and says nothing is as good as none. */
const PATIENCE_MS = 10_000;

/**
 * What the books answer to a question asked before anything was done.
 * @param late what becomes of an answer that comes when nobody waits for it any more
 * @throws ApiProblem 503 `books_unavailable` when they cannot be reached, or say nothing for ten seconds; and what the question throws
 */
export async function askBooks<Answer>(
  question: Promise<Answer>,
  late: (answer: Answer) => Promise<void> = async () => undefined,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(booksAway(new Error('the database says nothing')));
    }, PATIENCE_MS);
  });
  // Whoever gave up waiting does not hear of a failure, and needs not.
  question.then((answer) => (isLate ? late(answer) : undefined)).catch(() => undefined);
  try {
    return await Promise.race([question, patience]);
  } catch (error) {
    throw isUnreachable(error) ? booksAway(error) : error;
  } finally {
    clearTimeout(timer);
  }
}
