import { useEffect, useState } from 'preact/hooks';
import type { Api } from '../api/client.js';
import { followRun } from '../api/follow-run.js';
import { addEvent, emptyHistory, lossColumns, type RunHistory } from '../run-history.js';

export interface RunView {
  readonly history: RunHistory;
  readonly loss: [number[], (number | null)[], (number | null)[]];
  readonly speed: [number[], number[]];
  readonly rate: [number[], number[]];
  readonly gradientNorm: [number[], number[]];
  readonly connection: 'connecting' | 'live' | 'reconnecting';
}

/** Longest time between two drawings while events pour in; a replay of thousands must not draw thousands of times. */
const DRAW_MS = 120;

/** The run's events so far and from now on. One run a component: give it the run's name as its key. */
export function useRunHistory(api: Api, name: string): RunView {
  const [view, setView] = useState<RunView>(() => viewOf(emptyHistory(), 'connecting'));
  useEffect(() => {
    const abort = new AbortController();
    const history = emptyHistory();
    let connection: RunView['connection'] = 'connecting';
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setView(viewOf(history, connection));
      }, DRAW_MS);
    };
    const follower = {
      onEvent: (event: Parameters<typeof addEvent>[1]) => {
        addEvent(history, event);
        draw();
      },
      onConnection: (state: 'live' | 'reconnecting') => {
        connection = state;
        draw();
      },
    };
    void followRun(api, name, follower, abort.signal);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [api, name]);
  return view;
}

function viewOf(history: RunHistory, connection: RunView['connection']): RunView {
  return {
    history: { ...history },
    loss: lossColumns(history),
    speed: [[...history.steps], [...history.speeds]],
    rate: [[...history.steps], [...history.rates]],
    gradientNorm: [[...history.steps], [...history.gradientNorms]],
    connection,
  };
}
