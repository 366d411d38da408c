import type { Clock } from '../../base/clock.js';
import { formatSeconds } from '../../base/units.js';
import type { Terminal } from './terminal.js';
import { displayWidth, padEnd, truncate, wrap } from './width.js';

/** How far a stage is. */
export interface StageProgress {
  /** 0 to 1; left out when the end is not known. */
  readonly fraction?: number | undefined;
  /** What to read beside the bar, e.g. "loss 3.21  4,210 tokens/s". */
  readonly text?: string | undefined;
  readonly remainingSeconds?: number | undefined;
}

/** One stage of a command. After `done`, `skipped` or `failed` it is closed and further calls are ignored. */
export interface Stage {
  progress(progress: StageProgress): void;
  done(summary: string): void;
  skipped(why: string): void;
  failed(why: string): void;
}

/** Stage lines for people: one line a finished stage, one live line for the stage under way. */
export interface Reporter {
  stage(name: string): Stage;
  /** A remark under the stages; begins with "!" so that it is seen. */
  warn(text: string): void;
  /** Something to read while a stage goes on. */
  note(text: string): void;
  /** Closes the stages that an error or Ctrl-C left open. */
  close(why: string): void;
}

const NAME_WIDTH = 10;
const BAR_WIDTH = 20;
/** Redrawing more often than eyes can follow costs time on slow terminals. */
const REDRAW_MS = 80;
/** Where nobody watches (a log file, CI), a progress line now and then says that it is alive. */
const PLAIN_LINE_MS = 10_000;

export function createReporter(terminal: Terminal, clock: Clock): Reporter {
  const open = new Set<Stage>();
  const { colors } = terminal;
  return {
    stage(name) {
      const stage = openStage(name, terminal, clock, () => open.delete(stage));
      open.add(stage);
      return stage;
    },
    warn(text) {
      const lines = wrap(text, terminal.columns - 3);
      terminal.print(lines.map((line, index) => `${index === 0 ? colors.yellow('!') : ' '} ${line}`).join('\n'));
    },
    note: (text) =>
      terminal.print(
        colors.dim(
          wrap(text, terminal.columns - 3)
            .map((line) => `  ${line}`)
            .join('\n'),
        ),
      ),
    close(why) {
      for (const stage of open) stage.failed(why);
      terminal.setLive(undefined);
    },
  };
}

function openStage(name: string, terminal: Terminal, clock: Clock, onClose: () => void): Stage {
  const { colors } = terminal;
  const started = clock.monotonic();
  let lastShown = terminal.interactive ? -Infinity : started;
  let closed = false;
  const elapsedSeconds = (): number => (clock.monotonic() - started) / 1000;
  const close = (mark: string, text: string): void => {
    if (closed) return;
    closed = true;
    onClose();
    terminal.setLive(undefined);
    terminal.print(stageLine(mark, name, text, colors.dim(formatSeconds(elapsedSeconds())), terminal.columns));
  };
  terminal.setLive(liveLine(terminal, name, {}, 0));
  return {
    progress(progress) {
      const now = clock.monotonic();
      if (closed || now - lastShown < (terminal.interactive ? REDRAW_MS : PLAIN_LINE_MS)) return;
      lastShown = now;
      if (terminal.interactive) terminal.setLive(liveLine(terminal, name, progress, elapsedSeconds()));
      else terminal.print(plainLine(name, progress));
    },
    done: (summary) => close(colors.green('✓'), summary),
    skipped: (why) => close(colors.dim('–'), why),
    failed: (why) => close(colors.red('✗'), why),
  };
}

/** `✓ data       3,412 documents …                        2.1s`; a long text wraps under itself, the time stays to the right. */
function stageLine(mark: string, name: string, text: string, time: string, columns: number): string {
  const indent = NAME_WIDTH + 3;
  const head = `${mark} ${padEnd(name, NAME_WIDTH)} `;
  const room = Math.max(10, columns - indent - displayWidth(time) - 3);
  const [first = '', ...rest] = wrap(text, room);
  const lines = [`${head}${padEnd(first, room)}  ${time}`, ...rest.map((line) => `${' '.repeat(indent)}${line}`)];
  return lines.join('\n');
}

function liveLine(terminal: Terminal, name: string, progress: StageProgress, seconds: number): string {
  const { colors } = terminal;
  const pieces = [`${colors.cyan('•')} ${padEnd(name, NAME_WIDTH)}`];
  if (progress.fraction !== undefined)
    pieces.push(`${progressBar(progress.fraction, BAR_WIDTH)} ${percent(progress.fraction)}`);
  const tail =
    progress.remainingSeconds === undefined
      ? formatSeconds(seconds)
      : `${formatSeconds(progress.remainingSeconds)} left`;
  const used = displayWidth(pieces.join(' ')) + displayWidth(tail) + 3;
  if (progress.text !== undefined) pieces.push(truncate(progress.text, Math.max(0, terminal.columns - 1 - used)));
  return `${pieces.join(' ')}  ${colors.dim(tail)}`;
}

function plainLine(name: string, progress: StageProgress): string {
  const pieces = [`  ${padEnd(name, NAME_WIDTH)}`];
  if (progress.fraction !== undefined) pieces.push(percent(progress.fraction));
  if (progress.text !== undefined) pieces.push(progress.text);
  if (progress.remainingSeconds !== undefined) pieces.push(`(${formatSeconds(progress.remainingSeconds)} left)`);
  return pieces.join(' ');
}

/** A bar of `width` columns, an eighth of a column fine. */
export function progressBar(fraction: number, width: number): string {
  const eighths = Math.round(clampToUnit(fraction) * width * 8);
  const partial = ' ▏▎▍▌▋▊▉'[eighths % 8] ?? ' ';
  const bar = '█'.repeat(Math.floor(eighths / 8)) + (eighths % 8 === 0 ? '' : partial);
  return bar.padEnd(width, '░');
}

/** Never says 100 % before the end. */
function percent(fraction: number): string {
  const whole = clampToUnit(fraction) * 100;
  return `${String(whole >= 100 ? 100 : Math.min(99, Math.floor(whole))).padStart(3)}%`;
}

function clampToUnit(fraction: number): number {
  return Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
}
