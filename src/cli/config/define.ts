import type { MoatConfig } from './types.js';

/** Gives `moat.config.ts` its types; the values are checked when a command reads the file. */
export function defineConfig(config: MoatConfig): MoatConfig {
  return config;
}
