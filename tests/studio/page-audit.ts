/** What a page may not lack whoever looks at it: names, one first heading, contrast, room. Runs inside the page, so it is a text. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const AUDIT = String.raw`(() => {
  const found = [];
  const root = document.querySelector('dialog[open]') ?? document.body;
  const isShown = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 1 && height > 1 && element.closest('[aria-hidden=true], .visually-hidden, .skip-link') === null;
  };
  const nameOf = (element) =>
    element.getAttribute('aria-label') ?? (element.labels?.length > 0 ? element.labels[0].textContent : element.textContent);
  for (const control of root.querySelectorAll('button, a[href], input, select, textarea'))
    if (isShown(control) && nameOf(control).trim() === '') found.push('no name: ' + control.outerHTML.slice(0, 100));
  const headings = document.querySelectorAll('h1').length;
  if (headings !== 1) found.push(headings + ' first headings');
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push('twice: #' + id);
  const wider = document.documentElement.scrollWidth - innerWidth;
  if (wider > 0) found.push('wider than the window by ' + wider);

  // WCAG 2.2, 1.4.3: colours as they are computed, grounds laid over each other.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
  const groundOf = (element) => {
    const layers = [];
    for (let at = element; at !== null; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((ground, layer) => over(layer, ground), [255, 255, 255, 1]);
  };
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const element = node.parentElement;
    if (node.textContent.trim() === '' || !isShown(element) || element.closest(':disabled') !== null) continue;
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const [low, high] = [luminance(over(rgba(style.color), ground)), luminance(ground)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < needed) found.push('contrast ' + ratio.toFixed(2) + ': ' + node.textContent.trim().slice(0, 40));
  }
  return found;
})()`;

/** The rules of axe-core that it calls serious or critical, without contrast, which is measured above in any theme. */
const AXE = `axe.run(document, { resultTypes: ['violations'], rules: { 'color-contrast': { enabled: false } } })
  .then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => 'axe ' + id + ': ' + nodes[0].html.slice(0, 120)))`;

/** @returns what is wrong with what the page shows now, in words */
export async function auditPage(page: Page): Promise<string[]> {
  const own = (await page.evaluate(AUDIT)) as string[];
  if ((await page.evaluate("typeof axe === 'undefined'")) === true) await page.evaluate(axe.source);
  return [...own, ...((await page.evaluate(AXE)) as string[])];
}

/** Everything that is read or read aloud, but codes, what customers wrote and what models did. */
export async function textOf(page: Page): Promise<string> {
  const foreign = await page
    .locator('code, .model-card, .exchange-text, .entry-text, .sample-text, .sample-choice option + option, .pieces')
    .allInnerTexts();
  const attributes = (await page.evaluate(
    "[...document.querySelectorAll('[aria-label],[placeholder]')].map(e => (e.ariaLabel ?? '') + ' ' + (e.placeholder ?? '')).join(' ')",
  )) as string;
  // the longest first: a short one may stand within a longer one
  const longestFirst = foreign.toSorted((a, b) => b.length - a.length);
  const text = longestFirst.reduce((rest, part) => rest.replace(part, ''), await page.locator('body').innerText());
  return `${text} ${attributes} ${await page.title()}`;
}
