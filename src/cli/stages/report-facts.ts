import { audit } from '../../company/billing/audit.js';
import type { Books } from '../../company/billing/customers.js';
import { marketOf } from '../../company/business/market.js';
import { buildOrBuyOf, scenarioOf } from '../../company/business/stated-scenario.js';
import type { ReportFacts } from '../business-report/pen.js';
import type { Project } from '../config/project.js';
import { readPicture } from './read-picture.js';

/** Everything that the report of a month is made from, the proof of the books among it. @param month as of `readPicture` */
export async function readReportFacts(
  project: Project,
  books: Books,
  month: string | undefined,
): Promise<ReportFacts & { readonly books: Awaited<ReturnType<typeof audit>> }> {
  const picture = await readPicture(project, books, month);
  const { file } = picture.facts;
  return {
    picture,
    market: file === null ? null : marketOf(file, picture),
    scenario: file === null ? null : scenarioOf(file, picture),
    buildOrBuy: file === null ? null : buildOrBuyOf(file, picture),
    books: await audit(books),
    timeZone: project.config.timeZone,
  };
}
