/**
 * The one public entry of `moatlm`: what a `moat.config.ts` imports, and what a program built on Moat needs to tell
 * Moat's errors from its own. It stays small on purpose; everything else is the command line and the HTTP API.
 */
import { readPackageFacts } from './cli/package-facts.js';

export { MoatError } from './base/errors.js';
export { defineConfig } from './cli/config/define.js';
export type {
  BusinessConfig,
  DatabaseConfig,
  DataConfig,
  MoatConfig,
  ModelConfig,
  ProjectConfig,
  ServeConfig,
  TokenizerConfig,
  TrainConfig,
} from './cli/config/types.js';

/** The version of this package, e.g. "0.1.0". */
export const version: string = readPackageFacts(new URL('../package.json', import.meta.url)).version;
