import { useEffect, useRef } from 'preact/hooks';
import { useLocale } from '../i18n/locale.js';
import { Empty } from '../parts/panel.js';
import type { Outcome, Turn } from './use-conversation.js';

/** What was said, the newest in view. Screen readers hear an answer when it is complete, not word by word. */
export function Transcript({ turns, asking, model }: { turns: readonly Turn[]; asking: boolean; model: string }) {
  const { text } = useLocale();
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = end.current?.parentElement;
    box?.scrollTo({ top: box.scrollHeight });
  }, [turns]);
  return (
    <div
      class="transcript"
      role="log"
      aria-live="polite"
      aria-busy={asking}
      tabIndex={0}
      aria-label={text.playground.title}
    >
      {turns.length === 0 && <Empty title={text.playground.empty} hint={text.playground.emptyHint} />}
      {turns.map((turn, index) => (
        <TurnView key={index} turn={turn} model={model} writing={asking && index === turns.length - 1} />
      ))}
      <div ref={end} />
    </div>
  );
}

function TurnView({ turn, model, writing }: { turn: Turn; model: string; writing: boolean }) {
  const { text } = useLocale();
  const waiting = writing && turn.content === '';
  return (
    <div class={`turn turn-${turn.role}`}>
      <span class="turn-name">{turn.role === 'user' ? text.playground.you : model}</span>
      {waiting ? (
        <span class="turn-waiting">{text.playground.writing}</span>
      ) : (
        <div class={`turn-text ${writing ? 'turn-writing' : ''}`}>{turn.content}</div>
      )}
      {turn.outcome !== undefined && <OutcomeLine outcome={turn.outcome} />}
    </div>
  );
}

function OutcomeLine({ outcome }: { outcome: Outcome }) {
  const { text, format } = useLocale();
  if (outcome.state === 'failed') {
    return (
      <p class="notice notice-bad" role="alert">
        {text.playground.failed}
        {text.punctuation.colon}
        {outcome.message ?? text.state.offline}
      </p>
    );
  }
  const { usage, seconds, firstTokenSeconds } = outcome;
  const facts: string[] = [];
  if (outcome.state === 'stopped') facts.push(text.playground.stopped);
  if (outcome.state === 'broken-off') facts.push(text.playground.brokenOff);
  if (outcome.finishReason === 'length') facts.push(text.playground.cutOff);
  facts.push(
    usage === null
      ? text.playground.noUsage
      : text.playground.usage(format.integer(usage.inputTokens), format.integer(usage.outputTokens)),
    text.playground.took(format.duration(seconds)),
  );
  if (firstTokenSeconds !== null) facts.push(text.playground.firstToken(format.duration(firstTokenSeconds)));
  if (usage !== null && usage.outputTokens > 0 && seconds > 0) {
    facts.push(text.playground.speed(format.decimal(usage.outputTokens / seconds, 0)));
  }
  return <p class={`turn-facts outcome-${outcome.state}`}>{facts.join(' · ')}</p>;
}
