import type { Command } from './command.js';

/** What the list of commands needs to know before a command's own file is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

/**
 * Every command, in the order a founder meets them: one line a command. Files are loaded only when needed, so that
 * `moat --help` stays fast; a test holds each line against its file.
 */
export const commands: readonly CommandEntry[] = [
  { name: 'init', summary: 'start a project in a folder', load: () => import('./commands/init.js') },
  {
    name: 'doctor',
    summary: 'check what this machine has and what is missing',
    load: () => import('./commands/doctor.js'),
  },
];
