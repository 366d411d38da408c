import type { ModelSource } from '../../company/gateway/api-types.js';

/** `support-v2, step-00000180`, or the folder alone of a model that was imported. */
export const sourceName = ({ run, checkpoint }: ModelSource): string =>
  checkpoint === null ? run : `${run}, ${checkpoint}`;
