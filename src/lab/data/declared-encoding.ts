import iconv from 'iconv-lite';

/** What browsers take some labels for (WHATWG Encoding Standard): pages name the smaller set and use the larger. */
const LARGER_SETS: Readonly<Record<string, string>> = {
  'us-ascii': 'windows-1252',
  ascii: 'windows-1252',
  latin1: 'windows-1252',
  'iso-8859-1': 'windows-1252',
  'iso-8859-9': 'windows-1254',
  'iso-8859-11': 'windows-874',
  'tis-620': 'windows-874',
  gb2312: 'gb18030',
  gbk: 'gb18030',
  'x-gbk': 'gb18030',
  'ks_c_5601-1987': 'euc-kr',
  'x-sjis': 'shift_jis',
};
/** Sets of characters for text; iconv knows `base64` and such too. */
const KNOWN =
  /^(?:utf-8|windows-\d+|iso-8859-\d+|koi8-[ru]|macintosh|gb18030|big5(?:-hkscs)?|shift_jis|euc-(?:jp|kr|tw))$/;

const XML_DECLARATION = /^<\?xml\s[^>]*?encoding\s*=\s*["']?([\w.:-]{1,40})/i;
const META_CHARSET = /<meta\s[^>]{0,500}?charset\s*=\s*["']?\s*([\w.:-]{1,40})/i;

/**
 * The encoding that a web page or an XML file gives itself, by a name iconv knows. Asked where bytes are not UTF-8.
 * @param head its first bytes
 */
export function declaredEncoding(head: Buffer): string | undefined {
  const start = head.toString('latin1').trimStart();
  // Prose may speak of declarations; it does not begin with a tag.
  if (!start.startsWith('<')) return undefined;
  const label = (XML_DECLARATION.exec(start) ?? META_CHARSET.exec(start))?.[1]?.toLowerCase();
  if (label === undefined) return undefined;
  const encoding = LARGER_SETS[label] ?? label;
  return KNOWN.test(encoding) && iconv.encodingExists(encoding) ? encoding : undefined;
}
