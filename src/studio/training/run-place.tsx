import type { RunSummary } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';

export const isOnCluster = ({ place }: RunSummary): boolean => place !== null && place.on !== 'torchrun';

/** Where a run trains that Moat itself does not train, and what stopping or resuming it does. */
export function RunPlace({ run }: { run: RunSummary }) {
  const { text, format } = useLocale();
  const { place, state } = run;
  if (place === null) return null;
  const texts = text.training.place;
  const workers = format.integer(place.workers);
  const does = place.isLeft ? texts.left : state === 'running' ? texts.stop : texts.resume;
  const sentences = [
    isOnCluster(run) ? texts.cluster(place.on, workers) : texts.torchrun(workers),
    ...(isOnCluster(run) && place.machines !== null ? [texts.machines(format.integer(place.machines))] : []),
    ...(place.storage === null ? [] : [texts.storage(place.storage)]),
    ...(state === 'finished' ? [] : [does]),
  ];
  return <p class="run-place">{texts.joined(sentences)}</p>;
}
