import { describe, expect, it } from 'vitest';
import { createContaminationIndex } from './contamination.js';

const english = 'A train leaves the station at nine and travels sixty miles in one hour before it stops for lunch.';
const chinese = '一列火车早上九点从车站出发，一小时行驶六十公里，然后停下来让乘客吃午饭，请问它几点到达终点站？';
const index = createContaminationIndex([
  { name: 'sums', texts: [english, 'Too short.'] },
  { name: 'sums-zh', texts: [chinese] },
]);

describe('contamination', () => {
  it('is found inside a longer document, whatever case and punctuation', () => {
    const found = index.find(
      `Something else first. ${english.toUpperCase().replaceAll(' ', ' - ')} And then more text.`,
    );
    expect(found).toMatchObject([{ testSet: 'sums' }]);
    expect(found[0]?.example).toBe('a train leaves the station at nine and travels sixty miles in one');
    expect(found[0]?.share).toBeGreaterThan(0.2);
  });

  it('is found in Chinese by characters', () => {
    expect(index.find(`练习题：${chinese}答案在后面。`)).toMatchObject([{ testSet: 'sums-zh' }]);
  });

  it('names every test set, the largest share first', () => {
    expect(index.find(`${english} ${chinese} ${chinese}`).map(({ testSet }) => testSet)).toEqual(['sums-zh', 'sums']);
  });

  it('is not seen in fewer than thirteen words or twenty-six characters', () => {
    expect(index.find(english.split(' ').slice(0, 12).join(' '))).toEqual([]);
    expect(index.find([...chinese.replace(/[，？]/g, '')].slice(0, 25).join(''))).toEqual([]);
    expect(index.find(english.split(' ').slice(0, 13).join(' '))).toHaveLength(1);
    expect(index.find('')).toEqual([]);
  });

  it('counts what it holds and what it cannot judge', () => {
    expect(index.tooShort).toBe(1);
    expect(index.size).toBe(19 - 13 + 1 + [...chinese.replace(/[，？]/g, '')].length - 26 + 1);
  });
});
