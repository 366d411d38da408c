/** A page of ours as a tree, so that paper shows what the screen does. It reads what the business pages write, and no other HTML. */
import { Parser } from 'htmlparser2';

export interface PageElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly PageNode[];
}

export type PageNode = PageElement | string;

/** @returns the contents of `<main>` */
export function parsePage(html: string): PageElement[] {
  const root: { name: string; attributes: Record<string, string>; children: PageNode[] } = {
    name: 'root',
    attributes: {},
    children: [],
  };
  const open = [root];
  const parser = new Parser({
    onopentag(name, attributes) {
      const element = { name, attributes, children: [] };
      open.at(-1)?.children.push(element);
      open.push(element);
    },
    ontext(text) {
      open.at(-1)?.children.push(text);
    },
    onclosetag() {
      if (open.length > 1) open.pop();
    },
  });
  parser.end(html);
  const main = find(root, 'main');
  if (main === undefined) throw new Error('the page has no main part');
  return elementsOf(main);
}

export const elementsOf = ({ children }: PageElement): PageElement[] =>
  children.filter((child): child is PageElement => typeof child !== 'string');

/** Everything of a name within an element, in the order of the page. */
export const within = (element: PageElement, name: string): PageElement[] =>
  elementsOf(element).flatMap((child) => (child.name === name ? [child] : within(child, name)));

const find = (element: PageElement, name: string): PageElement | undefined => within(element, name)[0];

export const hasClass = ({ attributes }: PageElement, name: string): boolean =>
  (attributes['class'] ?? '').split(' ').includes(name);

/** A piece of text in one style. */
export interface Run {
  readonly text: string;
  readonly style: 'plain' | 'bold' | 'quiet';
  /** Where it leads: `#id` within the document, or an address. */
  readonly href: string | undefined;
}

/** The text of an element, piece by piece; space between pieces is kept as one. */
export function runsOf(element: PageElement): Run[] {
  const runs: Run[] = [];
  const walk = (node: PageNode, style: Run['style'], href: string | undefined): void => {
    if (typeof node === 'string') {
      const text = node.replaceAll(/\s+/g, ' ');
      if (text !== '') runs.push({ text, style, href });
      return;
    }
    // A command stands on a line of its own; how firm a claim is, behind it.
    if (node.name === 'small' && elementsOf(node)[0]?.name === 'code')
      runs.push({ text: '\n', style, href: undefined });
    if (hasClass(node, 'tag')) runs.push({ text: '· ', style: 'quiet', href: undefined });
    const own = node.name === 'b' ? 'bold' : isQuiet(node) ? 'quiet' : style;
    for (const child of node.children) walk(child, own, node.attributes['href'] ?? href);
  };
  for (const child of element.children) walk(child, 'plain', undefined);
  return runs;
}

const isQuiet = (element: PageElement): boolean =>
  ['small', 'code'].includes(element.name) || hasClass(element, 'missing') || hasClass(element, 'tag');

export const textOf = (element: PageElement): string =>
  runsOf(element)
    .map(({ text }) => text)
    .join('')
    .trim();
