/**
 * The one stream of progress: `runs/<name>/events.jsonl`, one event a line. Command-line bars, studio charts, cost
 * reports and tests all read these and nothing else. Fields are only ever added.
 */
export interface StartEvent {
  type: 'start';
  /** ISO 8601, UTC. */
  time: string;
  runName: string;
  architecture: string;
  parameterCount: number;
  /** Planned optimizer steps; undefined when the run is bounded by time alone. */
  totalSteps: number | undefined;
  tokensPerStep: number;
  trainTokens: number;
  device: string;
  /** The step this process begins after: 0, or the checkpoint's step when resumed. */
  resumedFromStep: number;
  /** Machines of a cluster or of torchrun that train together; absent where Moat itself trains. */
  machines?: number;
}

export interface StepEvent {
  type: 'step';
  time: string;
  /** 1-based, counted over the whole run. */
  step: number;
  /** Mean nats a token over the step's tokens. */
  loss: number;
  learningRateScale: number;
  gradientNorm: number;
  tokens: number;
  tokensPerSecond: number;
  /** Seconds of training so far, over every process of the run; pauses not counted. */
  elapsedSeconds: number;
  /** Estimated seconds to the end. */
  remainingSeconds: number;
  /** Memory of the process that trains, all of it, right after the step. */
  residentBytes?: number;
}

export interface EvalEvent {
  type: 'eval';
  time: string;
  step: number;
  /** Mean nats a predicted token on the validation documents, by what the run learns. */
  loss: number;
  /** Absent for models that do not continue texts: they have no probability of a text. */
  bitsPerByte?: number;
  residentBytes?: number;
}

/** How the model goes on with one and the same text (a run may have several), drawn with one and the same seed, so that it is seen to learn. */
export interface SampleEvent {
  type: 'sample';
  time: string;
  step: number;
  prompt: string;
  /** What it wrote after the prompt; '' where it ended at once. */
  text: string;
  tokens: number;
  seconds: number;
}

export interface CheckpointEvent {
  type: 'checkpoint';
  time: string;
  step: number;
  /** Relative to the run directory. */
  path: string;
  bytes: number;
  seconds: number;
}

export interface DoneEvent {
  type: 'done';
  time: string;
  step: number;
  /** `converged`: the validation loss had not fallen for as long as the run was told to wait. */
  reason: 'finished' | 'stopped' | 'converged' | 'failed';
  /** Mean training loss over the last steps; null when the run failed. */
  loss: number | null;
  /** Seconds of the whole run: of this process from its beginning to its end, of earlier ones what they trained. */
  elapsedSeconds: number;
  tokensSeen: number;
  message?: string;
}

/** Joules that this process had used by then; absent where the machine has no meter, or none that may be read. */
interface Metered {
  joules?: number;
}

/** Absent where Moat alone has trained the run. */
interface Attempted {
  /** Which start of the run's workers wrote it, from 1. */
  attempt?: number;
}

/** Of workers that trained on after others had begun the run anew: it counts for nothing. @param newest attempt so far */
export const isOvertaken = ({ attempt }: RunEvent, newest: number): boolean =>
  attempt !== undefined && attempt < newest;

export type RunEvent = Metered &
  Attempted &
  (StartEvent | StepEvent | EvalEvent | SampleEvent | CheckpointEvent | DoneEvent);
