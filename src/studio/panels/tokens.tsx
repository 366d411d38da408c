import { useMemo, useState } from 'preact/hooks';
import type { DrawnToken } from '../api/ask-model.js';
import { useLocale } from '../i18n/locale.js';
import { wholeCharacters } from './whole-characters.js';

/**
 * An answer token by token, the unlikely ones marked. The one that is pointed at, or reached with the arrow keys, is explained
 * in a line below, so that nothing moves under the pointer.
 */
export function Tokens({ tokens: drawn }: { tokens: readonly DrawnToken[] }) {
  const { text, format } = useLocale();
  const tokens = useMemo(() => wholeCharacters(drawn), [drawn]);
  const [at, setAt] = useState<number | null>(null);
  const shown = at === null ? undefined : tokens[at];
  const percent = (probability: number): string =>
    format.percent(BigInt(Math.round(probability * 100_000)), 100_000n) ?? '';
  const follow = (event: MouseEvent): void => {
    const index = event.target instanceof HTMLElement ? event.target.dataset['index'] : undefined;
    if (index !== undefined) setAt(Number(index));
  };
  const step = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    setAt(Math.min(Math.max((at ?? -by) + by, 0), tokens.length - 1));
  };
  return (
    <>
      <div
        class="turn-text tokens"
        role="group"
        tabIndex={0}
        aria-label={text.playground.tokens}
        onMouseOver={follow}
        onMouseLeave={() => setAt(null)}
        onKeyDown={step}
      >
        {tokens.map((token, index) => (
          <span
            key={index}
            class={`token token-${levelOf(token.probability)} ${index === at ? 'token-at' : ''}`}
            data-index={index}
          >
            {token.text}
          </span>
        ))}
      </div>
      <p class="token-line" role="status">
        {shown === undefined
          ? text.playground.tokensHint
          : [shown, ...shown.likeliest.filter((other) => other.text !== shown.text)]
              .map((token) => `${JSON.stringify(token.text)} ${percent(token.probability)}`)
              .join('   ')}
      </p>
    </>
  );
}

/** 0 for what was all but certain, 3 for what was hardly to be expected. */
function levelOf(probability: number): 0 | 1 | 2 | 3 {
  if (probability >= 0.8) return 0;
  if (probability >= 0.4) return 1;
  return probability >= 0.1 ? 2 : 3;
}
