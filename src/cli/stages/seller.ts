import { existsSync } from 'node:fs';
import { type Seller, parseSeller } from '../../company/billing/invoices/parties.js';
import type { Project } from '../config/project.js';
import { readJsonFile } from './json-file.js';

const fileOf = (project: Project): string => project.resolve('company.json');

/** As `readSeller`; undefined where there is no such file: then nothing is billed. @throws MoatError `bad-company` */
export async function readSellerIfAny(project: Project): Promise<Seller | undefined> {
  return existsSync(fileOf(project)) ? readSeller(project) : undefined;
}

/** Who issues the project's invoices: `company.json` beside its configuration. @throws MoatError `bad-company` */
export async function readSeller(project: Project): Promise<Seller> {
  const file = fileOf(project);
  return parseSeller(
    await readJsonFile(
      file,
      'bad-company',
      'Write who sells into it: {"name": "…", "address": ["…"]}; docs/BILLING.md shows all.',
    ),
    file,
  );
}
