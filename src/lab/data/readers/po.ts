import { MoatError } from '../../../base/errors.js';
import type { OpenedText, Passage, ReadOptions, TextFormat } from '../format-reader.js';
import { orEmpty, passageOfText } from './record-passage.js';

/**
 * Catalogues of GNU gettext (https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html): one document an entry,
 * the original and its translation with a blank line between, as parallel records are. What is not translated or marked
 * as fuzzy is dropped; obsolete entries are comments and passed over.
 */
export const po: TextFormat = {
  name: 'po',
  content: 'text',
  extensions: ['.po', '.pot'],
  looksLike: (head) => /^(?:#|msg(?:id|ctxt) ")/.test(head) && /^msgid ".*"$/m.test(head) && /^msgstr/m.test(head),
  read: (file, options) => orEmpty(readPo(file, options), `${file.origin}: there is no entry in it`),
};

interface Entry {
  line: number;
  isFuzzy: boolean;
  /** By keyword: `msgid`, `msgid_plural`, `msgstr`, `msgstr[0]` … */
  readonly strings: Map<string, string>;
  /** What continues on the next line. */
  open: string | undefined;
  broken: { readonly line: number; readonly what: string } | undefined;
}

async function* readPo(file: OpenedText, options: ReadOptions): AsyncGenerator<Passage> {
  let entry = newEntry(1);
  for await (const line of file.lines()) {
    if (line.isTooLong) {
      yield { kind: 'too-long', line: line.number, length: line.length };
      entry = newEntry(line.number + 1);
      continue;
    }
    const text = line.text.trim();
    if (endsEntry(entry, text)) {
      yield* passagesOf(entry, file.origin, options);
      entry = newEntry(line.number);
    }
    takeLine(entry, text, line.number, options.maxCharacters);
  }
  yield* passagesOf(entry, file.origin, options);
}

function newEntry(line: number): Entry {
  return { line, isFuzzy: false, strings: new Map(), open: undefined, broken: undefined };
}

/** A blank line is not required between entries: what cannot follow a translation starts the next one. */
function endsEntry(entry: Entry, text: string): boolean {
  const hasTranslation = entry.strings.has('msgstr') || entry.strings.has('msgstr[0]');
  return text === '' || (hasTranslation && /^(?:#|msgid "|msgctxt)/.test(text));
}

const STRING_LINE = /^(?:(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?)\s+)?"((?:[^"\\]|\\.)*)"$/;

function takeLine(entry: Entry, text: string, number: number, maxCharacters: number): void {
  if (text === '') return;
  if (text.startsWith('#')) {
    if (text.startsWith('#,') && text.includes('fuzzy')) entry.isFuzzy = true;
    return;
  }
  if (entry.strings.size === 0) entry.line = number;
  const [, keyword, value] = STRING_LINE.exec(text) ?? [];
  const name = keyword ?? entry.open;
  if (value === undefined || name === undefined) {
    entry.broken ??= { line: number, what: `not a line of a catalogue: ${text.slice(0, 40)}` };
    return;
  }
  const whole = (keyword === undefined ? (entry.strings.get(name) ?? '') : '') + unescaped(value);
  if (whole.length > maxCharacters)
    entry.broken ??= { line: number, what: `a string over ${maxCharacters} characters` };
  else entry.strings.set(name, whole);
  entry.open = name;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '', b: '', f: '', v: '' };

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
}

function* passagesOf(entry: Entry, origin: string, options: ReadOptions): Generator<Passage> {
  const { line, strings } = entry;
  const place = `${origin}:${entry.broken?.line ?? line}`;
  if (entry.broken !== undefined) {
    const detail = `${place}: ${entry.broken.what}`;
    if (options.strict === true)
      throw new MoatError('bad-po', detail, { fix: 'Mend the line; msgfmt --check finds them.' });
    yield { kind: 'malformed', line, reason: 'bad-po', detail };
    return;
  }
  const original = strings.get('msgid') ?? '';
  if (original === '') return; // comments alone, or the header
  if (entry.isFuzzy) {
    yield { kind: 'malformed', line, reason: 'fuzzy', detail: `${place}: its translation is marked as fuzzy` };
    return;
  }
  const pairs = pairsOf(strings).filter(([, translation]) => translation.trim() !== '');
  if (pairs.length === 0) {
    yield { kind: 'malformed', line, reason: 'untranslated', detail: `${place}: has no translation` };
  }
  for (const [source, target] of pairs) {
    const text = `${source.trim()}\n\n${target.trim()}`;
    yield passageOfText(text, place, line, options.maxCharacters);
  }
}

/** A language without plurals has one form, for any number; of several, the first is for one and the last for many. */
function pairsOf(strings: ReadonlyMap<string, string>): [original: string, translation: string][] {
  const one = strings.get('msgid') ?? '';
  const many = strings.get('msgid_plural');
  if (many === undefined) return [[one, strings.get('msgstr') ?? '']];
  const forms = [...strings].filter(([name]) => name.startsWith('msgstr[')).map(([, form]) => form);
  const last = forms.at(-1) ?? '';
  return forms.length > 1
    ? [
        [one, forms[0] ?? ''],
        [many, last],
      ]
    : [[many, last]];
}
