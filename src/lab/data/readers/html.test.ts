import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocuments, type ReadDocumentsOptions } from '../read-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-html-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function read(content: string | Uint8Array, options: ReadDocumentsOptions = {}, name = 'a.html') {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), name);
  await writeFile(file, content);
  const shown: string[] = [];
  for await (const item of readDocuments(file, options)) {
    shown.push(item.kind === 'document' ? item.document.text : `${item.dropped.reason}: ${item.dropped.detail}`);
  }
  return shown;
}

const SENTENCE = 'This is a sentence of the text that is long enough to be told from the labels and menus around it.';
const HAN = '本文介绍如何在本地安装和配置软件包管理系统，并说明常见的错误以及解决这些错误的方法。';
const MENU = '<ul><li><a href="/">Home</a></li><li><a href="/about">About us</a></li></ul>';

describe('web pages', () => {
  it('keep title, headings, paragraphs, lists, tables and code', async () => {
    const page = `<!doctype html><html lang="en"><head><title>The title - A site</title><style>p { color: red }</style></head><body>
      <h1>The title</h1><p>${SENTENCE}<p>One<br>two &amp; t&eacute;n &#x4e2d;<br/><br/>three
      <ul><li>first <li>second<ol start=3><li>inner</ol></ul>
      <table><tr><th>Name<th>Size<tr><td><p>apt</p><td>3</table>
      <h2>Code</h2><pre>\n  if (a &lt; b) {\n    <b>run</b>();\n  }\n</pre><p>${SENTENCE}</p></body></html>`;
    expect(await read(page)).toEqual([
      `The title\n\n${SENTENCE}\n\nOne\ntwo & tén 中\n\nthree\n\n- first\n- second\n  3. inner\n\nName\tSize\napt\t3\n\n` +
        `Code\n\n  if (a < b) {\n    run();\n  }\n\n${SENTENCE}`,
    ]);
  });

  it.each([
    ['<nav>', `<nav>${MENU}</nav>`],
    ['links without a word about it', `<div>${MENU}</div>`],
    ['a class', `<div class="site-footer wide"><p>${SENTENCE}</p></div>`],
    ['a role', `<div role="banner"><p>${SENTENCE}</p></div>`],
    ['<header>, <footer>, <aside>', `<header>A site</header><aside>${SENTENCE}</aside><footer>${SENTENCE}</footer>`],
    ['cookies', `<div id="cookie-banner">${SENTENCE}<button>Accept</button></div>`],
    ['share links', '<div><a href="#">Share</a> <a href="#">Tweet</a></div>'],
    ['hidden', `<p hidden>${SENTENCE}</p><div style="color:red; display: none"><p>${SENTENCE}</p></div>`],
    ['aria-hidden', `<p aria-hidden="true">${SENTENCE}</p>`],
    ['scripts', `<script>if (a < b) document.write("<p>${SENTENCE}</p>")</script><noscript>${SENTENCE}</noscript>`],
    ['copyright', '<p>© 2024 A Site. Some rights are kept.</p>'],
    ['labels', '<div>12 comments</div><div>Print</div>'],
  ])('leave out %s', async (_, around) => {
    const body = `<h1>Of the page</h1><p>${SENTENCE}</p><p>A short one.</p><p>${SENTENCE}</p>`;
    expect(await read(`<html><body>${around}<div>${body}</div>${around}</body></html>`)).toEqual([
      `Of the page\n\n${SENTENCE}\n\nA short one.\n\n${SENTENCE}`,
    ]);
  });

  it('take <main> and <article> at their word, if there is text in them', async () => {
    const other = `<div><p>${SENTENCE} Elsewhere.</p></div>`;
    expect(await read(`<html><body>${other}<main><p>Short.</p><p>${SENTENCE}</p></main></body></html>`)).toEqual([
      `Short.\n\n${SENTENCE}`,
    ]);
    expect(await read(`<html><body>${other}<main></main></body></html>`)).toEqual([`${SENTENCE} Elsewhere.`]);
    // A class that lies: nearly all of the page is in it.
    expect(await read(`<html><body><div class="sidebar"><p>${SENTENCE}</p></div></body></html>`)).toEqual([SENTENCE]);
  });

  it('take what a page calls the text of its article, and boxes in it', async () => {
    const box = `<div class="sidebar">${`<p>${SENTENCE} In a box.</p>`.repeat(2)}</div>`;
    const body = `<p>${SENTENCE}</p>${box}<p>${SENTENCE}</p><div class="newsletter"><p>${SENTENCE}</p></div>`;
    const page = `<html><body><p>${SENTENCE} Elsewhere.</p><div class="entry-content">${body}</div><div class="comments"><p>${SENTENCE}</p></div></body></html>`;
    expect(await read(page)).toEqual([`${SENTENCE}\n\n${`${SENTENCE} In a box.\n\n`.repeat(2)}${SENTENCE}`]);
  });

  it('keep prose with many links, and lists of which some items are links', async () => {
    const links = 'One <a href="a">word</a> of it '.repeat(10);
    const list =
      '<ul><li>See also</li><li><a href="b">Another page</a></li><li>Something said at greater length</li></ul>';
    expect(await read(`<html><body><p>${links}</p>${list}<p>${SENTENCE}</p></body></html>`)).toEqual([
      `${'One word of it '.repeat(10).trim()}\n\n- See also\n- Another page\n- Something said at greater length\n\n${SENTENCE}`,
    ]);
  });

  it('are read in scripts without spaces', async () => {
    const page = `<html><head><title>安装</title></head><body>${MENU.replace('Home', '首页')}<p>${HAN.slice(0, 20)}\n      ${HAN.slice(20)}</p></body></html>`;
    expect(await read(page)).toEqual([`安装\n\n${HAN}`]);
  });

  it('that lay themselves out by tables are no tables', async () => {
    const page = `<body><table><tr><td>${MENU}</td><td><h1>Head</h1><p>${SENTENCE}</p><p>${SENTENCE}</p></td></tr></table></body>`;
    expect(await read(page)).toEqual([`Head\n\n${SENTENCE}\n\n${SENTENCE}`]);
  });

  it('of a few short lines are kept, of nothing but links are dropped', async () => {
    expect(await read('<html><body><h1>Hello</h1><p>Short.</p></body></html>')).toEqual(['Hello\n\nShort.']);
    expect(await read(`<html><body>${MENU}</body></html>`)).toEqual(['empty: a.html: there are only links in it']);
    expect(await read('<!DOCTYPE html><html><script>x')).toEqual(['empty: a.html: there is no text in it']);
  });

  it('are known by their content, XHTML with elements that close themselves too', async () => {
    const xhtml = `<?xml version="1.0"?>\n<!-- c -->\n<html xmlns="http://www.w3.org/1999/xhtml"><head><script src="a.js"/></head><body><p>${SENTENCE}</p></body></html>`;
    expect(await read(xhtml, {}, 'a')).toEqual([SENTENCE]);
    expect(await read('Of <html> and other things.', {}, 'b.txt')).toEqual(['Of <html> and other things.']);
  });

  it('as long as a book are cut', async () => {
    const shown = await read(`<html><body>${`<p>${SENTENCE}</p>`.repeat(2000)}</body></html>`);
    expect(shown.length).toBe(13);
    expect(
      shown
        .join('\n')
        .split('\n')
        .filter((line) => line === SENTENCE).length,
    ).toBe(2000);
  });
});

describe('hostile pages', () => {
  it.each([
    ['elements 100,000 deep', '<div>'.repeat(100_000), 'elements within elements, over 4096 deep'],
    ['a tag without an end', `<a title="${'x'.repeat(2 << 20)}`, 'a tag or comment over 1048576 characters'],
    ['a comment without an end', `<!--${'x'.repeat(2 << 20)}`, 'a tag or comment over 1048576 characters'],
    ['too much text', `<p>${'word '.repeat(1 << 20)}`, 'over 4194304 characters of text'],
    ['too many blocks', '<p>a'.repeat(100_000), 'over 4194304 characters of text'],
    ['too many lines', `<p>${'a b c\n'.repeat(1 << 20)}`, 'over 4194304 characters of text'],
    ['too many cells', `<table><tr>${'<td>'.repeat(100_000)}`, 'over 4194304 characters of text'],
  ])('%s: what goes before is kept', async (_, tail, what) => {
    const shown = await read(`<html><body><p>${SENTENCE}</p>${tail}`, { maxCharacters: 1 << 24 });
    expect(shown[0]).toBe(`bad-html: a.html: ${what}; what follows is left out`);
    expect(shown[1]).toContain(SENTENCE);
    await expect(read(`<html>${tail}`, { strict: true })).rejects.toMatchObject({ code: 'bad-html' });
  });

  it('never fail otherwise, wherever a page is cut', async () => {
    const page = `<html><body><table><tr><td><p>${SENTENCE}<a href=x>y</p></td></div></table><ol><li>a &amp b<script>x</scr</script><pre>`;
    for (let at = 0; at < page.length; at += 3) await read(`<html>${page.slice(at)}${page.slice(0, at)}`);
  });
});
