import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type AnswerEnd, type AnswerPiece, askModel, type DrawnToken } from '../api/ask-model.js';
import type { Question } from '../api/asked.js';
import { type Api, ApiFailure } from '../api/client.js';

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
  /** Of an answer: how likely each of its tokens was, where that was asked for. */
  readonly tokens?: readonly DrawnToken[];
  /** Set on an answer once it has ended. */
  readonly outcome?: Outcome;
}

export interface Outcome extends AnswerEnd {
  readonly state: 'complete' | 'stopped' | 'broken-off' | 'failed';
  readonly seconds: number;
  readonly firstTokenSeconds: number | null;
  /** The server's words when it failed. */
  readonly message: string | null;
}

export interface Conversation {
  readonly turns: readonly Turn[];
  readonly asking: boolean;
  ask(shown: string, question: (turns: readonly Turn[]) => Question): void;
  stop(): void;
  clear(): void;
}

/** One answer at a time; leaving the page or clearing aborts the one on its way. */
export function useConversation(api: Api, onAnswered: () => void): Conversation {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [asking, setAsking] = useState(false);
  const current = useRef<AbortController | null>(null);
  useEffect(() => () => current.current?.abort(), []);
  const stop = useCallback(() => current.current?.abort(), []);
  const clear = useCallback(() => {
    current.current?.abort();
    current.current = null;
    setTurns([]);
    setAsking(false);
  }, []);
  const ask = (shown: string, question: (turns: readonly Turn[]) => Question): void => {
    const abort = new AbortController();
    current.current = abort;
    const asked: readonly Turn[] = [...turns, { role: 'user', content: shown }];
    const show = (answer: Turn): void => {
      if (current.current === abort) setTurns([...asked, answer]);
    };
    setAsking(true);
    show({ role: 'assistant', content: '' });
    const run = async (): Promise<void> => {
      await streamAnswer(api, question(asked), show, abort.signal);
      if (current.current === abort) setAsking(false);
      onAnswered();
    };
    void run();
  };
  return { turns, asking, ask, stop, clear };
}

/** Never rejects: how it went is in the last turn shown. */
async function streamAnswer(
  api: Api,
  question: Question,
  show: (answer: Turn) => void,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = performance.now();
  const since = (): number => (performance.now() - startedMs) / 1000;
  let content = '';
  const tokens: DrawnToken[] = [];
  let firstTokenSeconds: number | null = null;
  const end = (state: Outcome['state'], answer: AnswerEnd, message: string | null): void =>
    show({
      role: 'assistant',
      content,
      tokens: [...tokens],
      outcome: { state, seconds: since(), firstTokenSeconds, message, ...answer },
    });
  const nothing: AnswerEnd = { usage: null, finishReason: null };
  try {
    const onPiece = (piece: AnswerPiece): void => {
      firstTokenSeconds ??= since();
      content += piece.text;
      tokens.push(...piece.tokens);
      show({ role: 'assistant', content, tokens: [...tokens] });
    };
    const answer = await askModel(api, question, onPiece, signal);
    end(answer.finishReason === null ? 'broken-off' : 'complete', answer, null);
  } catch (error) {
    if (signal.aborted) end('stopped', nothing, null);
    else if (error instanceof ApiFailure) end('failed', nothing, error.status === 0 ? null : error.message);
    else end('broken-off', nothing, null);
  }
}
