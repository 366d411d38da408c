import { type CleaningSettings, createCleaner } from './clean-document.js';
import type { Document, Dropped } from './document.js';
import type { RawItem } from './read-documents.js';
import type { ReportBuilder } from './report.js';

/** Clean, unique documents; what is left out goes to `drop`. */
export async function* cleanDocuments(
  items: AsyncIterable<RawItem>,
  settings: CleaningSettings,
  report: ReportBuilder,
  drop: (dropped: Dropped) => Promise<void>,
): AsyncGenerator<Document> {
  const clean = createCleaner(settings);
  for await (const item of items) {
    const result = item.kind === 'dropped' ? item : clean(item.document);
    if (result.kind === 'dropped') {
      await drop(result.dropped);
      continue;
    }
    report.masked(result.masked);
    yield result.document;
  }
}
