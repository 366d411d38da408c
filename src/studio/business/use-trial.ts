import { useEffect, useRef, useState } from 'preact/hooks';
import type { Assumption, BusinessReport, BusinessScenario } from '../../company/gateway/api-types.js';
import { type Api, ApiFailure } from '../api/client.js';

export type Tried = Readonly<Partial<Record<Assumption, number>>>;

export interface Trial {
  readonly scenario: BusinessScenario;
  readonly failure: ApiFailure | undefined;
}

/** A slider sends many values; only one that stands still this long is asked about. */
const SETTLED_MS = 120;

/** The forecast with what the sliders say, computed by the server as `moat business scenario` does; the last one stands meanwhile. */
export function useTrial(api: Api, report: BusinessReport, tried: Tried): Trial {
  const [trial, setTrial] = useState<Trial>({ scenario: report.scenario, failure: undefined });
  const latest = useRef(0);
  const isPlain = Object.keys(tried).length === 0;
  useEffect(() => {
    const turn = ++latest.current;
    if (isPlain) {
      setTrial({ scenario: report.scenario, failure: undefined });
      return undefined;
    }
    const ask = async (): Promise<void> => {
      try {
        const body = { month: report.month, assumptions: tried };
        const scenario = await api.post<BusinessScenario>('/api/business/scenario', body);
        if (turn === latest.current) setTrial({ scenario, failure: undefined });
      } catch (error) {
        const failure = error instanceof ApiFailure ? error : new ApiFailure(0, '', String(error));
        if (turn === latest.current) setTrial((last) => ({ ...last, failure }));
      }
    };
    const timer = setTimeout(() => void ask(), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [api, report, tried, isPlain]);
  return trial;
}
