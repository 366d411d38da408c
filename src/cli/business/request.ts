/** What every action of `moat business` gets, and what it gives back. */
import type { Books } from '../../company/billing/customers.js';
import type { BusinessLanguage } from '../../company/business/figures.js';
import type { CommandResult } from '../command.js';
import type { Project } from '../config/project.js';
import type { Terminal } from '../terminal/terminal.js';

export interface BusinessRequest {
  readonly project: Project;
  readonly books: Books;
  /** `2026-11`; undefined: the month that runs. */
  readonly month: string | undefined;
  /** Files to write, absolute. */
  readonly html: string | undefined;
  readonly markdown: string | undefined;
  readonly pdf: string | undefined;
  readonly language: BusinessLanguage;
  readonly terminal: Terminal;
}

export type BusinessAction = (request: BusinessRequest) => Promise<CommandResult>;
