import type { RunSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useLocale } from '../i18n/locale.js';
import { Panel } from '../parts/panel.js';
import { Link } from '../router.js';
import { RunDetail } from '../training/run-detail.js';

interface LatestRunProps {
  api: Api;
  run: RunSummary;
  dark: boolean;
}

/** Is it learning? The run that is under way, or the last one, with its loss alone. */
export function LatestRunPanel({ api, run, dark }: LatestRunProps) {
  const { text } = useLocale();
  const all = (
    <Link class="link" href={`/runs?run=${encodeURIComponent(run.name)}`}>
      {text.runs.all}
    </Link>
  );
  return (
    <Panel title={text.runs.latest} area="latest" aside={all}>
      <RunDetail key={run.name} api={api} run={run} dark={dark} compact />
    </Panel>
  );
}
