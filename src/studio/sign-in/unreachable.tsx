import type { ApiFailure } from '../api/client.js';
import { useLocale } from '../i18n/locale.js';
import { Problem } from '../parts/field.js';
import type { ViewControls } from '../view-controls.js';
import { GateCard } from './gate-card.js';

/** Nobody answers, so nobody can say who one is. */
export function Unreachable(props: { controls: ViewControls; failure: ApiFailure; onRetry: () => void }) {
  const { text } = useLocale();
  return (
    <GateCard name={text.header.product} controls={props.controls} title={text.state.failed} why={text.gate.noServer}>
      <Problem failure={props.failure} />
      <button class="button" type="button" onClick={props.onRetry}>
        {text.state.retry}
      </button>
    </GateCard>
  );
}
