/** Shows what of the first records will be learned, before any time is spent. */
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { type Preview, previewOf } from '../../lab/train/supervised/preview.js';
import { readConversations, readPreferences } from '../../lab/train/supervised/read-conversations.js';
import { renderAnswer, renderConversation } from '../../lab/train/supervised/render-conversation.js';
import type { Terminal } from '../terminal/terminal.js';

const SHOWN = 3;
/** Characters of one piece. */
const MOST_SHOWN = 2000;
const LEARNED_OPEN = '⟦';
const LEARNED_CLOSE = '⟧';
/** Escape sequences in a record would be obeyed by the terminal. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/gu;

/**
 * @param preferences whether records are pairs: then both answers of each are shown
 * @throws MoatError those of `readConversations` and `renderConversation`
 */
export async function previewRecords(data: string, from: string, preferences: boolean): Promise<Preview[]> {
  const tokenizer = await loadTokenizer(from);
  if (preferences) {
    const pairs = (await readPreferences(data)).slice(0, SHOWN);
    return pairs.flatMap(({ id, origin, prompt, chosen, rejected }) =>
      Object.entries({ chosen, rejected }).map(([side, content]) => {
        const messages = [...prompt, { role: 'assistant' as const, content }];
        return previewOf(renderAnswer(tokenizer, { id: `${id}, ${side}`, origin, messages }));
      }),
    );
  }
  const conversations = await readConversations(data);
  return conversations.slice(0, SHOWN).map((conversation) => previewOf(renderConversation(tokenizer, conversation)));
}

/** Beginning and end, where the marks of the template are. */
function shortened(text: string): string {
  if (text.length <= MOST_SHOWN) return text;
  const half = MOST_SHOWN >> 1;
  return `${text.slice(0, half)} … ${text.length - 2 * half} characters … ${text.slice(-half)}`;
}

/** What is learned is green and, for those who see no colour, between double brackets. */
export function printPreview(
  previews: readonly Preview[],
  { colors, print }: Pick<Terminal, 'colors' | 'print'>,
): void {
  const { isColorSupported, green, dim, bold } = colors;
  print(
    isColorSupported
      ? `${green('Learned')}, ${dim('given')}`
      : `Learned is what stands in ${LEARNED_OPEN}…${LEARNED_CLOSE}`,
  );
  for (const { id, origin, tokenCount, learnedCount, pieces, endsTurns } of previews) {
    print(`\n${bold(id)}  ${origin}  ${tokenCount} tokens, ${learnedCount} learned`);
    print(
      pieces
        .map(({ text, learned }) => {
          const shown = shortened(text).replaceAll(CONTROL, '\uFFFD');
          if (isColorSupported)
            return shown
              .split('\n')
              .map(learned ? green : dim)
              .join('\n');
          return learned ? `${LEARNED_OPEN}${shown}${LEARNED_CLOSE}` : shown;
        })
        .join('')
        .trimEnd(),
    );
    if (!endsTurns) print('! no special token ends the answers: the model will not learn when to stop');
  }
}
