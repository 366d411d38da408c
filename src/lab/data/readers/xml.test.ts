import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocuments, type ReadDocumentsOptions } from '../read-documents.js';
import { textOfMarkup, textOfWiki } from './xml-markup.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-xml-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

/** Texts; what was dropped as reason and detail. */
async function read(content: string, options: ReadDocumentsOptions = {}, name = 'a.xml'): Promise<string[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), name);
  await writeFile(file, content);
  const found: string[] = [];
  for await (const item of readDocuments(file, options)) {
    found.push(item.kind === 'document' ? item.document.text : `${item.dropped.reason} ${item.dropped.detail}`);
  }
  return found;
}

describe('XML text', () => {
  it('puts blocks on lines and keeps running text whole', async () => {
    const content = `<?xml version="1.0"?>
<!DOCTYPE book PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "docbookx.dtd">
<book><title>A book</title>
  <chapter><title>One</title>
    <para>Press <keycap>Enter</keycap>, then <strange>read</strange>
      on &amp; on.<indexterm><primary>reading</primary></indexterm></para>
    <para>今天天气
      <emphasis>很好</emphasis>。</para>
    <programlisting>if x &lt; 3:
    print(x)
</programlisting>
    <record><name>Ann</name><city>Bonn</city></record>
    <record>
      <name>Bob</name>
      <note><by>Eve</by> wrote <by>it</by>.</note>
    </record>
  </chapter></book>`;
    expect(await read(content)).toEqual([
      'A book\n\nOne\nPress Enter, then read on & on.\n今天天气很好。\nif x < 3:\n    print(x)\nAnn\nBonn\nBob\nEve wrote it.',
    ]);
  });

  it('leaves out the header of TEI', async () => {
    const content =
      '<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><title>Meta</title></teiHeader><text><body>' +
      '<lg><l>One line,</l><l>another <hi rend="it">line</hi></l></lg><p>A<lb/>B</p></body></text></TEI>';
    expect(await read(content, {}, 'noname')).toEqual(['One line,\nanother line\nA\nB']);
  });

  it('keeps what was whole before the file was cut off', async () => {
    expect(await read('<a>\n<p>One.</p>\n<p>Two')).toEqual(['One.\nTwo', 'bad-xml a.xml:3: the file ends inside <p>']);
    await expect(read('<a><p>One.</p>', { strict: true })).rejects.toMatchObject({ code: 'bad-xml' });
  });

  it('never expands entities', async () => {
    const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('\n');
    const content = `<?xml version="1.0"?>\n<!DOCTYPE x [\n<!ENTITY l0 "lol">\n${laughs}]>\n<x>&l9; and &#20013;</x>`;
    expect(await read(content)).toEqual(['&l9; and 中', 'entities a.xml:2: declares entities, which are not expanded']);
    const external = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>';
    expect((await read(external))[0]).toBe('&e;');
  });

  it('is bounded in depth and in the length of a tag', async () => {
    expect(await read(`<?xml version="1.0"?>${'<a>'.repeat(100_000)}`)).toEqual([
      'bad-xml a.xml:1: elements within elements, over 256 deep',
    ]);
    expect(await read(`<x><p>One.</p><a b="${'y'.repeat(3_000_000)}"/></x>`)).toEqual([
      'One.',
      'bad-xml a.xml:1: a tag or comment over 1048576 characters',
    ]);
  });

  it('says so when there is nothing in it', async () => {
    expect(await read('<?xml version="1.0"?><a><b c="d"/></a>')).toEqual(['empty a.xml: there is no text in it']);
    expect(await read('<?xml version="1.0"?>')).toEqual(['bad-xml a.xml:1: there is no element in it']);
  });
});

describe('XML records', () => {
  it('reads TMX and XLIFF as pairs', async () => {
    const tmx =
      '<tmx version="1.4"><header/><body><tu><tuv xml:lang="en"><seg>Click <bpt i="1">&lt;b></bpt>here<ept i="1">' +
      '&lt;/b></ept></seg></tuv><tuv xml:lang="zh"><seg>点击\n这里</seg></tuv></tu>\n<tu><tuv><seg>a</seg></tuv></tu></body></tmx>';
    expect(await read(tmx)).toEqual(['Click here\n\n点击这里', 'untranslated a.xml:3: a unit without a translation']);
    const one =
      '<xliff version="1.2"><file><body><trans-unit id="1"><source>Hello <g id="1">you</g></source>' +
      '<target>你好</target><alt-trans><target>x</target></alt-trans></trans-unit></body></file></xliff>';
    expect(await read(one)).toEqual(['Hello you\n\n你好']);
    const two =
      '<xliff version="2.0"><file><unit><segment><source>a</source><target>b</target></segment></unit></file></xliff>';
    expect(await read(two)).toEqual(['a\n\nb']);
  });

  it('reads feeds, one document an item', async () => {
    const rss =
      '<rss version="2.0"><channel><title>Feed</title><item><title>News &amp;amp; more</title><description>Short</description>' +
      '<content:encoded><![CDATA[<p>One <b>bold</b>.</p><p>Two.</p><script>x()</script>]]></content:encoded></item></channel></rss>';
    expect(await read(rss)).toEqual(['News & more\n\nOne bold.\n\nTwo.']);
    const atom = '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>T</title><summary>S</summary></entry></feed>';
    expect(await read(atom)).toEqual(['T\n\nS']);
  });

  it('reads dumps of MediaWiki: articles, not what else there is', async () => {
    const page = (title: string, text: string, more = '') =>
      `<page><title>${title}</title>${more}<revision><text xml:space="preserve">${text}</text></revision></page>\n`;
    const dump =
      '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" xml:lang="en"><siteinfo><sitename>W</sitename></siteinfo>\n' +
      page('Tea', "'''Tea''' is a [[drink|hot drink]].{{cite|a={{b}}}}&lt;ref>x&lt;/ref>", '<ns>0</ns>') +
      page('Talk:Tea', 'no', '<ns>1</ns>') +
      page('Cha', '#REDIRECT [[Tea]]', '<ns>0</ns><redirect title="Tea" />') +
      page('Cut', 'off').slice(0, -30);
    expect(await read(dump)).toEqual([
      'Tea\n\nTea is a hot drink.',
      'not-an-article a.xml:3: Talk:Tea is not an article',
      'redirect a.xml:4: Cha leads to another page',
      'bad-xml a.xml:5: the file ends inside <revision>',
    ]);
  });

  it('drops a record over the limit', async () => {
    const items = ['short', 'long '.repeat(50), 'short too'].map(
      (text) => `<entry><title>T</title><summary>${text}</summary></entry>`,
    );
    const found = await read(`<feed>${items.join('\n')}</feed>`, { maxCharacters: 100 });
    expect(found).toEqual(['T\n\nshort', expect.stringMatching(/^too-long a\.xml:2: /), 'T\n\nshort too']);
  });
});

describe('markup inside XML', () => {
  it.each([
    ['== A heading ==\n* one\n# two', 'A heading\none\ntwo'],
    ["''it'' [https://x.org the site] [http://y.org]", 'it the site'],
    ['[[File:a.jpg|thumb|A [[link]] in it]]Text[[Category:X]]', 'Text'],
    ['a{| class="x"\n| cell {{t}}\n{| nested |}\n|}b', 'ab'],
    ['a<ref name="x"/>b<ref>c</ref>d<!-- e -->f&nbsp;g', 'abdf g'],
    ['-{zh-hans:软件; zh-hant:軟體}-和-{硬件}-', '软件和硬件'],
    ['{{never closed', '{{never closed'],
    ['}} stray [[a]', '}} stray [[a]'],
    ['__NOTOC__ x', 'x'],
  ])('%j', (wiki, text) => {
    expect(textOfWiki(wiki)).toBe(text);
  });

  it('is fast on brackets that are never closed', () => {
    const started = performance.now();
    textOfWiki('{{'.repeat(100_000) + '[['.repeat(100_000) + '{|'.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('takes text from fragments of HTML', () => {
    expect(textOfMarkup('one<br>two <i>three</i><ul><li>four</ul>&eacute;')).toBe('one\ntwo three\n\nfour\n\né');
  });
});
