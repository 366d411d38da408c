/**
 * Learning-rate schedules as factors of the peak rate over a run's progress (0 at the start, 1 at the end), so that
 * one schedule serves runs bounded by steps and runs bounded by time.
 */
export interface ScheduleSettings {
  /** `wsd`: warm up, hold, then fall linearly (Hu et al. 2024). `cosine`: warm up, then half a cosine (Loshchilov & Hutter 2017). */
  readonly kind: 'wsd' | 'cosine';
  readonly warmupSteps: number;
  /** `wsd`: the part of the run, at its end, over which the rate falls. */
  readonly decayFraction: number;
  /** The factor at the very end. */
  readonly finalScale: number;
}

/**
 * @param step 1-based step about to be taken
 * @param progress how much of the run lies behind it, in [0, 1]
 * @returns a factor in (0, 1]
 */
export function learningRateScale(settings: ScheduleSettings, step: number, progress: number): number {
  const warmup = settings.warmupSteps > 0 ? Math.min(1, step / settings.warmupSteps) : 1;
  return warmup * (settings.kind === 'wsd' ? stableThenLinear(settings, progress) : halfCosine(settings, progress));
}

function stableThenLinear({ decayFraction, finalScale }: ScheduleSettings, progress: number): number {
  const start = 1 - decayFraction;
  if (progress <= start) return 1;
  return finalScale + (1 - finalScale) * Math.max(0, (1 - progress) / decayFraction);
}

function halfCosine({ finalScale }: ScheduleSettings, progress: number): number {
  return finalScale + ((1 - finalScale) * (1 + Math.cos(Math.PI * Math.min(1, progress)))) / 2;
}
