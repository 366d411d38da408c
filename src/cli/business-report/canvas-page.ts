/** The canvas as a sheet of nine blocks, and as Markdown. */
import { BLOCKS } from '../../company/business/business-file.js';
import type { Canvas, LinkedEntry } from '../../company/business/canvas.js';
import { commandOf } from '../../company/business/fact.js';
import { type BusinessLanguage, figuresFor } from '../../company/business/figures.js';
import type { BusinessPicture } from '../../company/business/picture.js';
import { escapeHtml } from '../data-report/charts.js';
import { note, wholePage } from './marks.js';
import { entryItem } from './strategy-sections.js';
import { businessTexts } from './texts.js';

export function renderCanvasPage(canvas: Canvas, picture: BusinessPicture, language: BusinessLanguage): string {
  const texts = businessTexts[language];
  const figures = figuresFor(language, picture.facts.currency);
  const blocks = BLOCKS.map((block) => {
    const entries = canvas[block].map((entry) => {
      const item = entryItem(entry, { texts, figures });
      return entry.fact === undefined
        ? item
        : item.replace('</li>', `<small><code>${escapeHtml(commandOf(entry.fact, picture))}</code></small></li>`);
    });
    const list = entries.length === 0 ? note(texts.nothing) : `<ul>${entries.join('')}</ul>`;
    return `<section class="${block}"><h2>${escapeHtml(texts.block[block])}</h2>${list}</section>`;
  });
  return wholePage(language, {
    title: picture.facts.project,
    subtitle: `${texts.canvasTitle} · ${picture.facts.month}`,
    body: [`<div class="canvas">${blocks.join('')}</div>`],
    sheet: true,
  });
}

export function renderCanvasMarkdown(canvas: Canvas, picture: BusinessPicture, language: BusinessLanguage): string {
  const texts = businessTexts[language];
  const figures = figuresFor(language, picture.facts.currency);
  const line = ({ text, standing, fact, value, evidence }: LinkedEntry): string => {
    const figure = fact === undefined ? '' : ` **${figures.fact(value, fact.unit)}** (\`${commandOf(fact, picture)}\`)`;
    const links = evidence.map((each) => ` <${each}>`).join('');
    return `- ${text.replaceAll('\n', ' ')}${figure} _${texts.standing[standing]}_${links}`;
  };
  const blocks = BLOCKS.map((block) => {
    const entries = canvas[block].map(line);
    return `## ${texts.block[block]}\n\n${entries.length === 0 ? texts.nothing : entries.join('\n')}\n`;
  });
  return `# ${picture.facts.project}: ${texts.canvasTitle} (${picture.facts.month})\n\n${blocks.join('\n')}`;
}
