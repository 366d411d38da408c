/** Every kind of file that is read: a record each, in the order in which contents are compared with them. */
import { readDocComments } from './doc-comments.js';
import type { BinaryFormat, TextFormat } from './format-reader.js';
import { jsonLines } from './json-lines.js';
import { readPlainText } from './plain-text.js';
import { csv, tsv } from './readers/delimited.js';
import { docx } from './readers/docx.js';
import { epub } from './readers/epub.js';
import { html } from './readers/html.js';
import { json } from './readers/json.js';
import { odt } from './readers/odt.js';
import { parquet } from './readers/parquet.js';
import { pdf } from './readers/pdf.js';
import { po } from './readers/po.js';
import { pptx } from './readers/pptx.js';
import { subtitles } from './readers/srt.js';
import { xlsx } from './readers/xlsx.js';
import { xml } from './readers/xml.js';

export const PLAIN_TEXT: TextFormat = {
  name: 'text',
  content: 'text',
  extensions: ['.md', '.markdown', '.rst', '.adoc', '.tex'],
  read: (file) => readPlainText(file.lines()),
};

const docComments: TextFormat = {
  name: 'doc-comments',
  content: 'text',
  extensions: ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'],
  read: (file, options) => readDocComments(file.lines(), file.origin, options),
};

export const TEXT_FORMATS: readonly TextFormat[] = [
  json,
  jsonLines,
  csv,
  tsv,
  po,
  subtitles,
  html,
  xml,
  docComments,
  PLAIN_TEXT,
];

export const BINARY_FORMATS: readonly BinaryFormat[] = [parquet, pdf, docx, epub, odt, pptx, xlsx];

export const FORMAT_NAMES: readonly string[] = TEXT_FORMATS.map(({ name }) => name);
