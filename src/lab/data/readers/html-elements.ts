import type { HtmlPlace } from './html-blocks.js';

/** What the elements of a web page are to a reader of its text: blocks, or pieces of the page around the text. */

export const HTML_BLOCKS = new Set(
  (
    'address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form ' +
    'h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol p pre search section summary table tbody td tfoot th thead tr ul'
  ).split(' '),
);
export const HEADINGS = new Set(['h1', 'h2', 'h3', 'h4', 'h5', 'h6']);
export const VERBATIM = new Set(['pre', 'listing', 'xmp', 'plaintext']);

/** Without text of the page in them, or with what is not shown, or with the words of buttons. */
const SKIPPED = new Set(
  (
    'annotation annotation-xml applet area audio button canvas datalist dialog embed frameset iframe menu nav noembed noframes noscript object option ' +
    'rp rt script search select style svg template textarea video'
  ).split(' '),
);
const SKIPPED_ROLES = new Set(
  'alertdialog banner complementary contentinfo dialog menu menubar navigation search tablist toolbar tooltip'.split(
    ' ',
  ),
);
const HIDING_STYLE = /(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)/i;
const HIDING_CLASS =
  /^(?:sr-only|visually-?hidden|screen-reader-(?:only|text)|skip-?(?:link|nav|to-.*)|headerlink|anchorjs-link|mw-editsection|noprint)$/;
/** Words in names of classes and ids of what stands around the text. They lie now and then: see `html-main-text.ts`. */
const AROUND_WORDS = new Set(
  (
    'ad ads adsense advert advertisement advertising addthis breadcrumb breadcrumbs byline catlinks comment commentlist comments consent cookie cookies copyright ' +
    'crumbs disclaimer disqus foot footer gdpr lang language languages login masthead menu menus modal nav navbar navfooter navheader ' +
    'navigation navlinks newsletter overlay pager pagination paging popup promo promos recommended related respond share sharedaddy ' +
    'sharing sidebar sidebars signin social sponsor sponsored subscribe subscription tagcloud toc toolbar widget widgets'
  ).split(' '),
);
/** Words that say where such a part is or what shape it has. A name of other words besides is believed to mean something else. */
const PLACE_WORDS = new Set(
  (
    'area article articles author back banner bar block bottom box button buttons c col column container content entry even form global header ' +
    'icon icons inner item items js l left links list m main mobile nav notice o odd outer page panel post posts primary reply right ' +
    'secondary section sections side site table of contents text title top to u wrap wrapper'
  ).split(' '),
);
/** What publishing systems and newspapers name the part with what an article says. */
const TEXT_NAME = /^(?:entry|post|article|story|blog-?post|news)[-_]{0,2}(?:content|body|text|bodycopy)$/;
/** Asides that belong to the text. */
const NOTE_NAME = /note|warning|caution|tip|important|admonition|hint|example|pullquote/i;

export type Attributes = Readonly<Record<string, string>>;

/** What one element does to what is in it, whatever stands around it. */
export interface ElementRole {
  /** Its text is not read. */
  readonly isSkipped: boolean;
  /** By its name or class it stands around the main text. */
  readonly isSuspect: boolean;
  /** It says that it holds the main text: all of it, one article, or what the article says. */
  readonly place: HtmlPlace;
}

const PLACES: Readonly<Record<string, HtmlPlace>> = { html: 'body', body: 'body', main: 'main', article: 'article' };

/** @param isInMain whether it stands in `<main>` or `<article>`, where headers belong to the text */
export function roleOf(name: string, attributes: Attributes, isInMain: boolean): ElementRole {
  const role = attributes['role']?.toLowerCase() ?? '';
  const names = namesOf(attributes);
  const place = saysText(names, attributes) ? 'text' : role === 'main' ? 'main' : PLACES[name];
  if (place !== undefined) return { isSkipped: false, isSuspect: false, place };
  const isSkipped =
    SKIPPED.has(name) ||
    SKIPPED_ROLES.has(role) ||
    isHidden(attributes) ||
    names.some((each) => HIDING_CLASS.test(each));
  return { isSkipped, isSuspect: isSuspect(name, names, attributes, isInMain), place: 'body' };
}

function namesOf(attributes: Attributes): readonly string[] {
  const written = `${attributes['class'] ?? ''} ${attributes['id'] ?? ''}`.trim().toLowerCase();
  return written === '' ? [] : written.slice(0, 1000).split(/\s+/);
}

function saysText(names: readonly string[], attributes: Attributes): boolean {
  return attributes['itemprop'] === 'articleBody' || names.some((name) => TEXT_NAME.test(name));
}

function isHidden(attributes: Attributes): boolean {
  if (attributes['hidden'] !== undefined || attributes['aria-hidden'] === 'true') return true;
  return HIDING_STYLE.test(attributes['style'] ?? '');
}

function isSuspect(name: string, names: readonly string[], attributes: Attributes, isInMain: boolean): boolean {
  if (name === 'aside') return !NOTE_NAME.test(`${names.join(' ')} ${attributes['epub:type'] ?? ''}`);
  if (name === 'footer') return true;
  if (name === 'header') return !isInMain;
  return names.some(standsAround);
}

function standsAround(name: string): boolean {
  const words = name.split(/[-_:\d]+/).filter((word) => word !== '');
  return (
    words.some((word) => AROUND_WORDS.has(word)) &&
    words.every((word) => AROUND_WORDS.has(word) || PLACE_WORDS.has(word))
  );
}
