/** A program of the benchmarks in a process of its own, asked one thing at a time: what it does delays no one else's event loop. */
import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

export interface Child<Ask, Answer> {
  /** @throws with what the program threw, or when it ended */
  ask(question: Ask): Promise<Answer>;
  close(): void;
}

type Reply<Answer> = { readonly answer: Answer } | { readonly error: string };

/**
 * Built first, as what is shipped is and as the peers are: a loader that translates as it goes makes a gateway a fifth slower.
 * @param program a TypeScript file beside the caller that calls `answerQuestions`
 */
export function startChild<Ask extends object, Answer>(
  program: URL,
  execArgv: readonly string[] = [],
): Child<Ask, Answer> {
  const source = fileURLToPath(program);
  const outfile = path.join(path.dirname(source), '..', 'dist', 'bench', `${path.basename(source, '.ts')}.mjs`);
  const settings = { bundle: true, packages: 'external', format: 'esm', platform: 'node', target: 'node20' } as const;
  buildSync({ ...settings, entryPoints: [source], outfile, logLevel: 'error' });
  const child: ChildProcess = fork(outfile, { execArgv: [...execArgv] });
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        const ended = (): void => reject(new Error(`${program.pathname} ended`));
        child.once('exit', ended);
        child.once('message', (reply: Reply<Answer>) => {
          child.off('exit', ended);
          if ('error' in reply) reject(new Error(reply.error));
          else resolve(reply.answer);
        });
        child.send(question);
      }),
    close: () => void child.kill(),
  };
}

/** The other side. */
export function answerQuestions<Ask, Answer>(answer: (question: Ask) => Promise<Answer>): void {
  // whoever asked is gone
  process.once('disconnect', () => process.exit());
  process.on('message', (question: Ask) => {
    answer(question).then(
      (given) => process.send?.({ answer: given } satisfies Reply<Answer>),
      (error: unknown) => process.send?.({ error: String(error) } satisfies Reply<Answer>),
    );
  });
}
