/** The nine blocks (Osterwalder & Pigneur 2010), each entry beside what stands behind it. */
import type { BusinessBlock, BusinessEntry } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { EntryList, Mark } from './entry-list.js';
import { NoFile, type SectionProps } from './section.js';

/** As the sheet is read. */
const BLOCKS: readonly BusinessBlock[] = [
  'partners',
  'activities',
  'resources',
  'value',
  'relationships',
  'channels',
  'segments',
  'costs',
  'revenue',
];
const STANDINGS: readonly BusinessEntry['standing'][] = ['fact', 'stated', 'missing', 'evidence', 'claim'];

export function CanvasSection({ report }: SectionProps) {
  const { text } = useLocale();
  const { canvas } = report;
  if (canvas === null) return <NoFile />;
  return (
    <>
      <div class="canvas">
        {BLOCKS.map((block) => (
          <section class={`panel canvas-${block}`} key={block} aria-labelledby={`block-${block}`}>
            <h2 class="panel-title canvas-title" id={`block-${block}`}>
              {text.business.blocks[block]}
            </h2>
            <EntryList report={report} entries={canvas[block]} />
          </section>
        ))}
      </div>
      <ul class="marks" aria-label={text.business.marks}>
        {STANDINGS.map((standing) => (
          <li key={standing}>
            <Mark standing={standing} /> {text.business.standingHints[standing]}
          </li>
        ))}
      </ul>
    </>
  );
}
