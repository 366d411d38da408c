import { writeFileAtomic } from '../../base/atomic-file.js';
import { canvasOf } from '../../company/business/canvas.js';
import { renderCanvasPdf } from '../business-report/pdf/canvas-pdf.js';
import { renderCanvasMarkdown, renderCanvasPage } from '../business-report/canvas-page.js';
import { requireBusinessFile } from '../stages/business-yaml.js';
import { readPicture } from '../stages/read-picture.js';
import type { BusinessAction } from './request.js';

/** The nine blocks, to the terminal or into files. */
export const writeCanvas: BusinessAction = async (request) => {
  const { project, books, month, html, markdown, pdf, language, terminal } = request;
  const file = await requireBusinessFile(project);
  const picture = await readPicture(project, books, month);
  const canvas = canvasOf(file, picture);
  const text = renderCanvasMarkdown(canvas, picture, language);
  if (html !== undefined) await writeFileAtomic(html, renderCanvasPage(canvas, picture, language));
  if (markdown !== undefined) await writeFileAtomic(markdown, text);
  if (pdf !== undefined) await writeFileAtomic(pdf, await renderCanvasPdf(canvas, picture, language));
  const written = [html, markdown, pdf].filter((each) => each !== undefined);
  terminal.print(written.length === 0 ? text : written.join('\n'));
  return { json: { month: picture.facts.month, canvas, files: written } };
};
