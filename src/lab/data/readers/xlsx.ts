import { isZip } from '../containers/zip.js';
import type { BinaryFormat } from '../format-reader.js';
import { dropped } from './package-flaws.js';
import { hasPart } from './zip-package.js';

/** Excel: known, so that its parts are not taken for texts; not read. */
export const xlsx: BinaryFormat = {
  name: 'xlsx',
  content: 'binary',
  extensions: ['.xlsx', '.xlsm'],
  hasSignature: isZip,
  isOneOf: async (file) => await hasPart(file, 'xl/workbook.xml'),
  async *read({ origin }, options) {
    yield dropped('unsupported', `${origin}: is a spreadsheet: save each sheet as CSV, which is read`, options);
  },
};
