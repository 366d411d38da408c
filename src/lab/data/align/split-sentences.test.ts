import { describe, expect, test } from 'vitest';
import { splitSentences } from './split-sentences.js';

const textsOf = (text: string): string[] => splitSentences(text).map((sentence) => sentence.text);

describe('English', () => {
  test.each([
    ['It works. Try it!', ['It works.', 'Try it!']],
    ['Dr. Smith met J. Doe at 3.5 km, e.g. here. He left.', ['Dr. Smith met J. Doe at 3.5 km, e.g. here.', 'He left.']],
    [
      'Apples, pears, etc. are fruit. Moat Inc. They sell it.',
      ['Apples, pears, etc. are fruit.', 'Moat Inc.', 'They sell it.'],
    ],
    ['He said "Stop." Then he left.', ['He said "Stop."', 'Then he left.']],
    ['Use it (see Fig. 2. It is below) now. Good.', ['Use it (see Fig. 2. It is below) now.', 'Good.']],
    [
      'Open www.example.org/a.b and file.txt. Done?! Yes.',
      ['Open www.example.org/a.b and file.txt.', 'Done?!', 'Yes.'],
    ],
    ['Wait... what? No. 5 is alive. No. It is not.', ['Wait... what?', 'No. 5 is alive.', 'No.', 'It is not.']],
    ['1. First point', ['1. First point']],
    ['So did I. You too.', ['So did I.', 'You too.']],
  ])('%s', (text, sentences) => expect(textsOf(text)).toEqual(sentences));
});

describe('Chinese', () => {
  test.each([
    ['你好。我来了！真的？', ['你好。', '我来了！', '真的？']],
    ['他说：“走吧。”我们走了。', ['他说：“走吧。”', '我们走了。']],
    ['先安装（如果没有。请看下文）再运行；然后退出。', ['先安装（如果没有。请看下文）再运行；', '然后退出。']],
    ['版本是 3.5，大小是 1.2 MB。用 apt-get. 安装', ['版本是 3.5，大小是 1.2 MB。', '用 apt-get.', '安装']],
    ['等等……好吧。', ['等等……', '好吧。']],
    ['“好。”，他说。', ['“好。”，他说。']],
  ])('%s', (text, sentences) => expect(textsOf(text)).toEqual(sentences));
});

test('blank lines part paragraphs; headings and list items stand alone; wrapped lines are joined', () => {
  const text = [
    '# A heading',
    'This is a long line of text that was wrapped at a fixed',
    'width by an editor. It has two sentences.',
    '',
    '',
    '- one item',
    '- another item. With two sentences',
  ].join('\n');
  expect(splitSentences(text)).toEqual([
    { text: '# A heading', paragraph: 0 },
    { text: 'This is a long line of text that was wrapped at a fixed width by an editor.', paragraph: 0 },
    { text: 'It has two sentences.', paragraph: 0 },
    { text: '- one item', paragraph: 1 },
    { text: '- another item.', paragraph: 1 },
    { text: 'With two sentences', paragraph: 1 },
  ]);
});

test('wrapped lines of Chinese are joined without a space', () => {
  const line = '这是一个很长的段落它被编辑器在固定的宽度处折断了所以需要把它们重新连接起来才能得到一个完整的句子';
  expect(textsOf(`${line}\n并且不应该有空格。`)).toEqual([`${line}并且不应该有空格。`]);
});

test('nothing is lost but space, and no sentence is without end', () => {
  const text = `${'字'.repeat(5000)}。${'word '.repeat(1000)}(never closed. Yes. ${'😀'.repeat(1500)}`;
  const sentences = textsOf(text);
  expect(sentences.join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
  for (const sentence of sentences) {
    expect(sentence.length).toBeLessThanOrEqual(2001);
    expect(sentence).not.toMatch(/^[\uDC00-\uDFFF]/);
  }
  expect(splitSentences(' \n\n \n')).toEqual([]);
});
