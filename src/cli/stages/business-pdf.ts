import type { Books } from '../../company/billing/customers.js';
import { canvasOf } from '../../company/business/canvas.js';
import type { BusinessPdf } from '../../company/gateway/admin/admin-route.js';
import { renderCanvasPdf } from '../business-report/pdf/canvas-pdf.js';
import { renderReportPdf } from '../business-report/pdf/report-pdf.js';
import type { Project } from '../config/project.js';
import { requireBusinessFile } from './business-yaml.js';
import { readPicture } from './read-picture.js';
import { readReportFacts } from './report-facts.js';

/** The project's report and canvas on paper, for the studio. */
export function businessPdfOf(project: Project, books: Books): BusinessPdf {
  return async (what, { month, language: asked }) => {
    const language = asked === 'zh' ? 'zh-CN' : 'en';
    if (what === 'report') return renderReportPdf(await readReportFacts(project, books, month), language);
    const file = await requireBusinessFile(project);
    const picture = await readPicture(project, books, month);
    return renderCanvasPdf(canvasOf(file, picture), picture, language);
  };
}
