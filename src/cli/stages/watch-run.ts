import type { RunEvent, StepEvent } from '../../base/run-events.js';
import { formatCount } from '../../base/units.js';
import type { Stage } from '../terminal/reporter.js';

const SMOOTHING = 0.9;

/** Turns events into the bar's text, and keeps what the summary needs. */
export function watchRun(stage: Stage) {
  const losses: number[] = [];
  let begun: number | undefined;
  const speeds: number[] = [];
  let smoothed: number | undefined;
  let bits: number | undefined;
  let validationLoss: number | undefined;
  const show = (event: StepEvent): void => {
    smoothed = smoothed === undefined ? event.loss : SMOOTHING * smoothed + (1 - SMOOTHING) * event.loss;
    const total = event.elapsedSeconds + event.remainingSeconds;
    stage.progress({
      fraction: total === 0 ? 0 : event.elapsedSeconds / total,
      text: `step ${event.step}  loss ${smoothed.toFixed(2)}  ${formatCount(event.tokensPerSecond)} tok/s${bits === undefined ? '' : `  ${bits.toFixed(2)} b/B`}`,
      remainingSeconds: event.remainingSeconds,
    });
  };
  return {
    losses,
    see(event: RunEvent): void {
      // workers that were started anew begin again at a checkpoint
      if (event.type === 'start')
        losses.length = Math.max(0, event.resumedFromStep - (begun ??= event.resumedFromStep));
      if (event.type === 'eval') {
        bits = event.bitsPerByte;
        validationLoss = event.loss;
      }
      if (event.type !== 'step') return;
      losses.push(event.loss);
      speeds.push(event.tokensPerSecond);
      show(event);
    },
    bitsPerByte: () => bits,
    /** As it is printed: bits a byte where texts have a probability, else the loss. */
    measured: () => (bits === undefined ? validationLoss?.toFixed(3) : `${bits.toFixed(3)} bits a byte`),
    tokensPerSecond(): number {
      const sorted = [...speeds].sort((a, b) => a - b);
      return sorted[sorted.length >> 1] ?? 0;
    },
  };
}
