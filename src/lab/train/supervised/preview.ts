/** What a model will learn of a record, made visible: the text as the template writes it, with what is learned marked. */
import type { RenderedConversation } from './render-conversation.js';

export interface PreviewPiece {
  readonly text: string;
  readonly learned: boolean;
}

export interface Preview {
  readonly id: string;
  readonly origin: string;
  readonly tokenCount: number;
  readonly learnedCount: number;
  readonly pieces: readonly PreviewPiece[];
  readonly endsTurns: boolean;
}

export function previewOf({ id, origin, text, tokens, mask, answersInText, endsTurns }: RenderedConversation): Preview {
  const pieces: PreviewPiece[] = [];
  let at = 0;
  const push = (end: number, learned: boolean): void => {
    if (end > at) pieces.push({ text: text.slice(at, end), learned });
    at = Math.max(at, end);
  };
  for (const { start, end } of answersInText) {
    push(start, false);
    push(end, true);
  }
  push(text.length, false);
  const learnedCount = mask.reduce((sum, learned) => sum + learned, 0);
  return { id, origin, tokenCount: tokens.length, learnedCount, pieces, endsTurns };
}
