import { describe, expect, it } from 'vitest';
import { compileSplitRegex } from './split-regex.js';

const pieces = (pattern: string, text: string): string[] => text.match(compileSplitRegex(pattern)) ?? [];

describe('expressions of tokenizers', () => {
  // Llama 3's, and GPT-4's with possessive quantifiers, as their tokenizer.json have them
  const llama3 = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
  const gpt4 = String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`;
  const gpt4o = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

  it('cut as they say', () => {
    expect(pieces(llama3, "I'LL pay 12345  euros\n\n ok!\r\n")).toEqual([
      'I',
      "'LL",
      ' pay',
      ' ',
      '123',
      '45',
      ' ',
      ' euros',
      '\n\n',
      ' ok',
      '!\r\n',
    ]);
    expect(pieces(gpt4o, "HelloWorld's x")).toEqual(['Hello', "World's", ' x']);
  });

  it('with what differs between dialects written out', () => {
    expect(pieces(String.raw`\s+`, 'a\u0085b\uFEFFc')).toEqual(['\u0085']);
    expect(pieces(String.raw`(?i:s)`, 'sSſ')).toEqual(['s', 'S', 'ſ']);
    expect(pieces(String.raw`[\p{P}\$\+<=>\^~\|-]+`, 'a$-b')).toEqual(['$-']);
    expect(pieces(String.raw`\p{Han}+|[^\p{Han}]+`, '数据ab')).toEqual(['数据', 'ab']);
    expect(pieces(String.raw`a?+ab`, 'ab aab')).toEqual(['aab']);
    expect(pieces('.', 'a\u2028\n')).toEqual(['a', '\u2028']);
    expect(pieces('[0-9]{2}', '12345')).toEqual(['12', '34']);
  });

  it.each([
    [gpt4, '"\\$" is not taken|"\\{1,3\\}\\+" is not taken'],
    ['(a+)+b', 'a repeated group'],
    ['(?:a|a)*b', 'a repeated group'],
    ['(?:a|b){20}', 'a repeated group'],
    ['a*a*a*a*b', 'repetitions'],
    ['a?a?a?a?a?a?a?a?a?b', 'quantifiers'],
    ['('.repeat(5000), 'characters'],
    ['('.repeat(40), 'quantifiers|deep'],
    ['a)', 'without'],
    ['(a', 'without'],
    ['[a', 'without'],
    ['[]', 'empty'],
    ['[a[b]]', 'classes in classes'],
    ['(?<!a)b', 'not taken'],
    [String.raw`(a)\1`, 'not taken'],
    [String.raw`\p{Nonsense}`, 'not understood'],
    ['a\\', 'ends with'],
    ['^a', 'not taken'],
    ['*', 'not taken'],
  ])('refuse %s', (pattern, problem) => {
    expect(() => compileSplitRegex(pattern)).toThrow(new RegExp(problem));
  });
});
