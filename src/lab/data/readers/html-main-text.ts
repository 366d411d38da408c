/**
 * Which blocks of a web page are its text. After Kohlschütter, Fankhauser and Nejdl, "Boilerplate Detection using Shallow
 * Text Features" (WSDM 2010): what counts is how long a block is, how much of it is links, and what its neighbours are; and
 * after Pomikálek's jusText (2011): a short block is judged by the nearest blocks that are sure. Word lists are not used,
 * so it is the same in every language. What the page itself says (`<main>`, `<article>`, names of classes) goes first.
 */
import type { HtmlBlock, HtmlPlace } from './html-blocks.js';

type Judgement = 'good' | 'bad' | 'short';

/** Above it a block is a list of links (jusText takes 0.2 over all blocks, Boilerpipe 0.33). */
const LINKS_OF_MENUS = 0.5;
const LINKS_OF_TEXT = 1 / 3;
/** A sentence; Boilerpipe takes 15. */
const WORDS_OF_TEXT = 15;
/** Enough of a block to count as many words. */
const JUDGED_CHARACTERS = 1000;
/** So much of a word is a character of a script without spaces. */
const WORDS_PER_CJK_CHARACTER = 0.5;
const CJK_CHARACTERS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;
const WORDS = /[\p{L}\p{N}][\p{L}\p{N}\p{M}'’-]*/gu;
/** Invitations to subscribe are shorter. */
const WORDS_OF_BOXES = 40;
const LINKS_OF_BOXES = 0.1;
const WORDS_OF_PHRASE = 6;
const ENDS_LIKE_TEXT = /[.!?:;。！？：；…]['"”’」』)）]?$/u;
const LEGAL_LINE = /©|\(c\)\s*(?:19|20)\d\d|all rights reserved|版权所有|著作权所有|保留所有权利|ICP备|京公网安备/i;
/** The part of the page that says it is the main one is believed when it has this share of the page's text. */
const MIN_SHARE = 0.25;

const NEAR_PLACES: readonly (readonly HtmlPlace[])[] = [['text'], ['text', 'article'], ['text', 'article', 'main']];

const NO_MENUS: ReadonlySet<HtmlBlock> = new Set();

/** The blocks that are the page's text, in their order. */
export function mainText(blocks: readonly HtmlBlock[]): readonly HtmlBlock[] {
  const prose = proseOf(blocks);
  const isNamed = ({ isSuspect }: HtmlBlock): boolean => !isSuspect;
  // Where nearly all is in what is named like a menu, the name says nothing.
  const isCandidate = holds(prose, isNamed, MIN_SHARE) ? isNamed : () => true;
  const places = NEAR_PLACES.find((each) =>
    holds(prose.filter(isCandidate), ({ place }) => each.includes(place), MIN_SHARE),
  );
  const near = blocks.filter((block) => places?.includes(block.place) ?? true);
  const inPlace = near.filter(isCandidate);
  const kept = goodBlocks(inPlace, places !== undefined);
  // A page of a few short lines has no text by these rules; what is not links is all there is.
  if (kept.length > 0) return withBoxes(near, new Set(kept));
  return inPlace.filter((block) => !areMenu([block]));
}

/**
 * Boxes in the text are named as those beside it are: books call them sidebars. What is named so, stands amid what is kept
 * and says as much as a paragraph is of the text.
 */
function withBoxes(blocks: readonly HtmlBlock[], kept: ReadonlySet<HtmlBlock>): readonly HtmlBlock[] {
  const first = blocks.findIndex((block) => kept.has(block));
  const last = blocks.findLastIndex((block) => kept.has(block));
  const boxed = new Set<HtmlBlock>();
  for (let start = first, end: number; start < last; start = end) {
    end = start + 1;
    if (blocks[start]?.isSuspect !== true) continue;
    while (blocks[end]?.isSuspect === true) end++;
    const box = blocks.slice(start, end);
    if (end <= last && isProse(box)) for (const block of box) boxed.add(block);
  }
  return blocks.filter((block) => kept.has(block) || boxed.has(block));
}

function isProse(box: readonly HtmlBlock[]): boolean {
  const linked = box.reduce((sum, block) => sum + block.linkedCharacters, 0);
  const words = box.reduce((sum, { text }) => sum + countWords(text.slice(0, JUDGED_CHARACTERS)), 0);
  return linked <= LINKS_OF_BOXES * charactersOf(box) && words >= WORDS_OF_BOXES;
}

/** What is sure to be text, or where nothing is, all but links. */
function proseOf(blocks: readonly HtmlBlock[]): readonly HtmlBlock[] {
  const prose = blocks.filter((block) => judge(block, NO_MENUS) === 'good');
  return prose.length > 0 ? prose : blocks.filter((block) => !areMenu([block]));
}

function holds(prose: readonly HtmlBlock[], isIn: (block: HtmlBlock) => boolean, share: number): boolean {
  const inPlace = charactersOf(prose.filter(isIn));
  return inPlace > 0 && inPlace >= share * charactersOf(prose);
}

/** @param isBounded whether the page said that this is its text: then its short blocks are taken for text when in doubt */
function goodBlocks(blocks: readonly HtmlBlock[], isBounded: boolean): readonly HtmlBlock[] {
  const menus = menusOf(blocks);
  const judged = blocks.map((block) => judge(block, menus));
  const edge: Judgement = isBounded ? 'good' : 'bad';
  const final = resolveShort(blocks, judged, edge);
  keepHeadings(blocks, final);
  return blocks.filter((_, index) => final[index] === 'good');
}

/** A list, or a table, is a menu or not as a whole: an item of nothing but a link is text among items that say more. */
function menusOf(blocks: readonly HtmlBlock[]): ReadonlySet<HtmlBlock> {
  const menus = new Set<HtmlBlock>();
  for (let start = 0, end: number; start < blocks.length; start = end) {
    const kind = blocks[start]?.kind;
    end = start + 1;
    while ((kind === 'item' || kind === 'row') && blocks[end]?.kind === kind) end++;
    const run = blocks.slice(start, end);
    if (areMenu(run)) for (const block of run) menus.add(block);
  }
  return menus;
}

function judge(block: HtmlBlock, menus: ReadonlySet<HtmlBlock>): Judgement {
  const words = countWords(block.text.slice(0, JUDGED_CHARACTERS));
  if (words < WORDS_OF_TEXT && block.kind !== 'heading' && LEGAL_LINE.test(block.text)) return 'bad';
  if (block.kind === 'verbatim') return block.isInForm ? 'short' : 'good';
  if (block.kind === 'heading') return 'short';
  if (menus.has(block)) return 'bad';
  // Encyclopaedias link every third word, and still say something with the others.
  return words * (1 - linkDensity(block)) >= WORDS_OF_TEXT ? 'good' : 'short';
}

/**
 * Runs of short blocks go with the sure blocks beside them. Between a good and a bad one text goes on from the good side
 * for as long as it has the shape of text: jusText takes all of these out, which costs lists at the end of an article.
 */
function resolveShort(blocks: readonly HtmlBlock[], judged: readonly Judgement[], edge: Judgement): Judgement[] {
  const final = [...judged];
  for (let start = 0; start < judged.length; start++) {
    if (judged[start] !== 'short') continue;
    let end = start;
    while (judged[end] === 'short') end++;
    const isAfterGood = (judged[start - 1] ?? edge) === 'good';
    const isBeforeGood = (judged[end] ?? edge) === 'good';
    final.fill(isAfterGood && isBeforeGood ? 'good' : 'bad', start, end);
    if (isAfterGood !== isBeforeGood) {
      for (let at = isAfterGood ? start : end - 1; at >= start && at < end; at += isAfterGood ? 1 : -1) {
        if (!hasShapeOfText(blocks[at])) break;
        final[at] = 'good';
      }
    }
    start = end;
  }
  return final;
}

function hasShapeOfText(block: HtmlBlock | undefined): boolean {
  if (block === undefined || linkDensity(block) > LINKS_OF_TEXT) return false;
  return (
    block.kind !== 'paragraph' || ENDS_LIKE_TEXT.test(block.text.slice(-3)) || countWords(block.text) >= WORDS_OF_PHRASE
  );
}

/** A heading with nothing under it that is kept goes; one before text that is kept stays. */
function keepHeadings(blocks: readonly HtmlBlock[], final: Judgement[]): void {
  let isFollowed = false;
  for (let index = blocks.length - 1; index >= 0; index--) {
    if (blocks[index]?.kind === 'heading') final[index] = isFollowed ? 'good' : 'bad';
    else isFollowed = final[index] === 'good';
  }
}

function areMenu(run: readonly HtmlBlock[]): boolean {
  if (run[0]?.kind === 'heading' || run[0]?.kind === 'verbatim') return false;
  return run.reduce((sum, block) => sum + block.linkedCharacters, 0) > LINKS_OF_MENUS * charactersOf(run);
}

function linkDensity({ characters, linkedCharacters }: HtmlBlock): number {
  return linkedCharacters / Math.max(1, characters);
}

function charactersOf(blocks: readonly HtmlBlock[]): number {
  return blocks.reduce((sum, { characters }) => sum + characters, 0);
}

function countWords(text: string): number {
  const cjk = text.match(CJK_CHARACTERS)?.length ?? 0;
  const other = text.replaceAll(CJK_CHARACTERS, ' ').match(WORDS)?.length ?? 0;
  return cjk * WORDS_PER_CJK_CHARACTER + other;
}
