import { useEffect, useState } from 'preact/hooks';
import { type RunHistory, addEvent, emptyHistory } from '../../base/run-history.js';
import type { RunEvent } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { followRun } from '../api/follow-run.js';
import { type Columns, columnsOf, lossColumns } from './run-columns.js';

export interface RunView {
  readonly history: RunHistory;
  readonly loss: Columns;
  readonly speed: Columns;
  readonly rate: Columns;
  readonly gradientNorm: Columns;
  readonly memory: Columns;
  readonly connection: 'connecting' | 'live' | 'reconnecting';
}

/** Longest time between two drawings while events pour in. */
const DRAW_MS = 120;

/** The run's events so far and from now on. One run a component: give it the run's name as its key. */
export function useRunHistory(api: Api, name: string): RunView {
  const [view, setView] = useState<RunView>(() => viewOf(emptyHistory(), 'connecting'));
  useEffect(() => {
    const abort = new AbortController();
    let history = emptyHistory();
    let connection: RunView['connection'] = 'connecting';
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setView(viewOf(history, connection));
      }, DRAW_MS);
    };
    const follower = {
      onHistory: (past: RunHistory) => {
        history = past;
        setView(viewOf(history, connection));
      },
      onEvent: (event: RunEvent) => {
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
    speed: columnsOf(history, ['speeds']),
    rate: columnsOf(history, ['rates']),
    gradientNorm: columnsOf(history, ['gradientNorms', 'gradientNormHighs', 'gradientNormLows']),
    memory: columnsOf(history, ['memory']),
    connection,
  };
}
