import { useEffect, useRef } from 'preact/hooks';
import type { ModelSummary } from '../../company/gateway/api-types.js';
import type { AnswerUsage } from '../api/ask-model.js';
import { useLocale } from '../i18n/locale.js';
import { Empty } from '../parts/panel.js';
import { Tokens } from './tokens.js';
import type { Conversation, Outcome, Turn } from './use-conversation.js';

interface TranscriptProps {
  conversation: Conversation;
  model: ModelSummary;
  /** Of the model's price. */
  currency: string;
}

/** What was said, the newest in view. Screen readers hear an answer when it is complete, not word by word. */
export function Transcript({ conversation, model, currency }: TranscriptProps) {
  const { text } = useLocale();
  const { turns, asking } = conversation;
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
      aria-label={`${text.playground.title} · ${model.id}`}
    >
      {turns.length === 0 && <Empty title={text.playground.empty} hint={text.playground.emptyHint} />}
      {turns.map((turn, index) => (
        <TurnView
          key={index}
          turn={turn}
          model={model}
          currency={currency}
          writing={asking && index === turns.length - 1}
        />
      ))}
      <div ref={end} />
    </div>
  );
}

interface TurnViewProps {
  turn: Turn;
  model: ModelSummary;
  currency: string;
  writing: boolean;
}

function TurnView({ turn, model, currency, writing }: TurnViewProps) {
  const { text } = useLocale();
  const tokens = turn.tokens ?? [];
  const waiting = writing && turn.content === '';
  return (
    <div class={`turn turn-${turn.role}`}>
      <span class="turn-name">{turn.role === 'user' ? text.playground.you : model.id}</span>
      {waiting ? (
        <span class="turn-waiting">{text.playground.writing}</span>
      ) : tokens.length > 0 && !writing ? (
        <Tokens tokens={tokens} />
      ) : (
        <div class={`turn-text ${writing ? 'turn-writing' : ''}`}>{turn.content}</div>
      )}
      {turn.outcome !== undefined && <OutcomeLine outcome={turn.outcome} model={model} currency={currency} />}
    </div>
  );
}

/** What a customer would pay, in micro-units, rounded up as it is for him; undefined where there is no price. */
function costOf({ inputTokens, outputTokens }: AnswerUsage, model: ModelSummary): bigint | undefined {
  const { inputMicrosPerMillionTokens: input, outputMicrosPerMillionTokens: output } = model;
  if (input === null || output === null) return undefined;
  return (BigInt(inputTokens) * BigInt(input) + BigInt(outputTokens) * BigInt(output) + 999_999n) / 1_000_000n;
}

function OutcomeLine({ outcome, model, currency }: { outcome: Outcome; model: ModelSummary; currency: string }) {
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
  const cost = usage === null ? undefined : costOf(usage, model);
  if (cost !== undefined) facts.push(text.playground.cost(format.money(cost, currency)));
  return <p class={`turn-facts outcome-${outcome.state}`}>{facts.join(' · ')}</p>;
}
