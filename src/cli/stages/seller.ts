import { type Seller, parseSeller } from '../../company/billing/invoices/parties.js';
import type { Project } from '../config/project.js';
import { readJsonFile } from './json-file.js';

/** Who issues the project's invoices: `company.json` beside its configuration. @throws MoatError `bad-company` */
export async function readSeller(project: Project): Promise<Seller> {
  const file = project.resolve('company.json');
  return parseSeller(
    await readJsonFile(
      file,
      'bad-company',
      'Write who sells into it: {"name": "…", "address": ["…"]}; docs/BILLING.md shows all.',
    ),
    file,
  );
}
