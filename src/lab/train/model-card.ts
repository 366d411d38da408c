/**
 * The card of a model, as the Hugging Face Hub shows it (`README.md` with facts in front): what it was trained on, by the
 * passport of its corpus. Says nothing that was not measured; figures of quality belong to an evaluation.
 */
import { formatBytes, formatCount } from '../../base/units.js';
import type { Passport } from '../data/passport.js';

export interface CardFacts {
  readonly name: string;
  /** Title of the architecture, and where it is described. */
  readonly architecture: { readonly title: string; readonly source: string };
  readonly passport: Passport;
}

/** Name of the passport beside the card. */
export const PASSPORT_NAME = 'data-passport.json';

export function renderModelCard({ name, architecture, passport }: CardFacts): string {
  const { files, read, kept, languages, dropped, licence, sources = [], outputs } = passport;
  const row = (label: string, { documents, bytes }: { documents: number; bytes: number }): string =>
    `| ${label} | ${formatCount(documents)} | ${formatBytes(bytes)} |`;
  return [
    '---',
    ...(licence === undefined ? [] : [`license: ${licence.toLowerCase()}`]),
    ...languageList(Object.keys(languages)),
    'library_name: transformers',
    'pipeline_tag: text-generation',
    'tags:',
    '- moat',
    '---',
    '',
    `# ${name}`,
    '',
    `${architecture.title} (${architecture.source}), trained from scratch with [Moat](https://www.npmjs.com/package/moatlm). Its sizes`,
    'are in `config.json`.',
    '',
    '## Data',
    '',
    `${formatCount(files.length)} files, licence ${licence ?? (sources.length > 0 ? 'by source' : 'not stated')}. Every file and setting is in \`${PASSPORT_NAME}\`, by SHA-256; the`,
    `training text is \`${outputs.train.sha256.slice(0, 16)}…\`.`,
    '',
    ...(sources.length === 0
      ? []
      : [
          '| source | licence |',
          '| --- | --- |',
          ...sources.map((each) => `| ${each.name} | ${each.licence ?? 'not stated'} |`),
          '',
        ]),
    '| documents | number | text |',
    '| --- | --- | --- |',
    row('read', read),
    row('kept', kept),
    ...Object.entries(languages).map(([tag, tally]) => row(`kept, ${tag}`, tally)),
    ...Object.entries(dropped).map(([reason, tally]) => row(`left out, ${reason}`, tally)),
    '',
    '## Limits',
    '',
    'It knows the texts above and nothing else. What it was measured on, and how it did, is told by `moat eval`.',
    '',
  ].join('\n');
}

/** The Hub knows ISO 639 codes, without scripts. */
function languageList(tags: readonly string[]): string[] {
  const codes = [...new Set(tags.filter((tag) => tag !== 'und').map((tag) => tag.split('-')[0] as string))];
  return codes.length === 0 ? [] : ['language:', ...codes.map((code) => `- ${code}`)];
}
