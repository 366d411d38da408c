/** What `moat data` does beside reading: answers about a corpus that is there. */
import { MoatError } from '../../base/errors.js';
import { findInCorpus } from '../../lab/data/corpus.js';
import type { Terminal } from '../terminal/terminal.js';

/** @throws MoatError `no-such-document` */
export async function explainDocument(corpus: string, id: string, terminal: Terminal): Promise<{ json: object }> {
  const found = await findInCorpus(corpus, id);
  if (found === undefined) {
    throw new MoatError('no-such-document', `no document of the last moat data has the id ${id}`, {
      fix: 'Ids are those of the report, such as faq.jsonl#12: the file and the place in it.',
    });
  }
  const { dim } = terminal.colors;
  if (found.kind === 'dropped') {
    const { reason, detail, excerpt } = found.dropped;
    terminal.print(`${id} was dropped: ${reason}, ${detail}`);
    if (excerpt !== undefined) terminal.print(dim(excerpt));
  } else {
    terminal.print(`${id} was kept, ${found.side === 'train' ? 'to train on' : 'held out to measure with'}`);
    terminal.print(dim(found.document.text.slice(0, 400)));
  }
  return { json: found };
}
