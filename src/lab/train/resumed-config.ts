import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { type RunConfig, parseRunConfig } from './run-config.js';
import { readRunConfig } from './run-directory.js';

/**
 * What a run that goes on was asked to do, wherever it goes on.
 * @param tokenizerHash of the tokenizer that the project has now
 * @throws MoatError `no-such-run`, `bad-run-config`, `other-tokenizer`
 */
export async function resumedConfig(runDirectory: string, tokenizerHash: string): Promise<RunConfig> {
  const config = parseRunConfig(await readRunConfig(runDirectory), path.join(runDirectory, 'config.json'));
  if (config.tokenizerHash === tokenizerHash) return config;
  const what = `${runDirectory}: the run was begun with another tokenizer than the project has now`;
  throw new MoatError('other-tokenizer', what, { fix: 'Start a new run under another --name.' });
}
