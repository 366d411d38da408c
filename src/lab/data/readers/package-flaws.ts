import { MoatError } from '../../../base/errors.js';
import { ContainerError } from '../containers/container.js';
import type { Passage, ReadOptions } from '../format-reader.js';
import type { XmlEvent } from './xml-events.js';

/** @param place names the part in a line for a person: `a.docx!word/document.xml` */
export function flawedPart(flaw: Extract<XmlEvent, { kind: 'flaw' }>, place: string, options: ReadOptions): Passage {
  return dropped(flaw.reason, `${place}:${flaw.line}: ${flaw.what}`, options);
}

/** The passages as they come; an archive that is damaged, locked or too large ends them with one line that says so. */
export async function* orDropped(
  passages: AsyncIterable<Passage>,
  origin: string,
  options: ReadOptions,
): AsyncGenerator<Passage> {
  try {
    yield* passages;
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    yield dropped(error.reason, `${origin} ${error.message}`, options);
  }
}

/** @throws MoatError when strict */
export function dropped(reason: string, detail: string, options: ReadOptions): Passage {
  if (options.strict !== true) return { kind: 'malformed', line: 1, reason, detail };
  throw new MoatError(reason, detail, { fix: 'Mend the file, or run without --strict to keep what is whole.' });
}
