import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import { formatCount } from '../../base/units.js';
import { alignFiles } from '../../lab/data/align/align-files.js';
import { createJsonLinesWriter } from '../../lab/data/json-lines-writer.js';
import { LANGUAGES, splitTags } from '../config/fields.js';
import { defineCommand } from '../command.js';

export const command = defineCommand({
  name: 'align',
  summary: 'pair the sentences of a text with those of its translation',
  description:
    'Reads two files that are translations of each other, cuts them into sentences and pairs these by length and words, which it learns on the way. Writes one JSON line a pair, such as {"en": …, "zh": …, "score": …}; what has no counterpart is left out and counted.',
  arguments: {
    first: { description: 'a text', count: 'one' },
    second: { description: 'its translation', count: 'one' },
  },
  options: {
    out: { kind: 'text', placeholder: 'FILE', description: 'where the pairs go', default: 'pairs.jsonl' },
    languages: {
      kind: 'text',
      placeholder: 'TAGS',
      description: 'of both, such as en,zh-Hans; default: as identified',
    },
    leastScore: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0,
      maximum: 1,
      default: 0.05,
      description: 'leave out pairs less sure than this',
    },
  },
  examples: [
    { command: 'moat align guide.en.md guide.zh.md', does: 'pairs.jsonl, to train a translator on' },
    { command: 'moat align a.txt b.txt --languages en,zh-Hans', does: 'say which languages they are' },
  ],
  async run({ arguments: { first, second }, options, cwd, terminal }) {
    const started = performance.now();
    const { pairs, languages, counts, meanScore } = await alignFiles(
      [path.resolve(cwd, first), path.resolve(cwd, second)],
      { languages: tagsOf(options.languages), leastScore: options.leastScore },
    );
    if (pairs.length === 0) {
      throw new MoatError('nothing-aligned', `no pair of ${first} and ${second} scores ${options.leastScore} or more`, {
        fix: 'Lower --least-score, or check that both are the same text.',
      });
    }
    const out = path.resolve(cwd, options.out);
    await writeFileAtomic(out, async (handle) => {
      const writer = createJsonLinesWriter(handle);
      for (const pair of pairs) await writer.write(pair);
      await writer.flush();
    });
    const seconds = (performance.now() - started) / 1000;
    const { sentences, alone, belowScore, repeated, kinds } = counts;
    const [a, b] = languages;
    terminal.print(`read      ${formatCount(sentences[0])} sentences in ${a}, ${formatCount(sentences[1])} in ${b}`);
    terminal.print(
      `paired    ${formatCount(pairs.length)} in ${options.out}: ${kindsText(kinds)}, score ${meanScore.toFixed(2)}`,
    );
    terminal.print(
      `left out  ${alone[0]} in ${a} and ${alone[1]} in ${b} without counterpart, ${belowScore} pairs below ${options.leastScore}, ${repeated} repeated`,
    );
    return { json: { out, languages, pairs: pairs.length, meanScore, seconds, ...counts } };
  },
});

function kindsText(kinds: Readonly<Record<string, number>>): string {
  return Object.entries(kinds)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${formatCount(count)} ${kind}`)
    .join(', ');
}

function tagsOf(written: string | undefined): readonly [string, string] | undefined {
  if (written === undefined) return undefined;
  const [first, second, ...more] = splitTags(written);
  if (LANGUAGES.holds(written) && first !== undefined && second !== undefined && more.length === 0)
    return [first, second];
  throw new MoatError('usage', `--languages "${written}" are not two tags of languages`, {
    fix: 'Write two with a comma between them, such as --languages en,zh-Hans.',
  });
}
