import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useLocale } from '../i18n/locale.js';

interface FetchedProps<Props> {
  /** Fetches the component's file; has to keep its identity between renders. */
  load: () => Promise<FunctionComponent<Props>>;
  props: Props;
}

/** A component in a file of its own, fetched when it is first shown. */
export function Fetched<Props extends object>({ load, props }: FetchedProps<Props>) {
  const { text } = useLocale();
  const [state, setState] = useState<{ Shown?: FunctionComponent<Props>; failed: boolean }>({ failed: false });
  useEffect(() => {
    let left = false;
    load().then(
      (Shown) => !left && setState({ Shown, failed: false }),
      // The server was replaced by one with other files, or is away: only a reload finds out.
      () => !left && setState({ failed: true }),
    );
    return () => {
      left = true;
    };
  }, [load]);
  const { Shown, failed } = state;
  if (Shown !== undefined) return <Shown {...props} />;
  if (!failed) return null;
  return (
    <div class="state state-page" role="alert">
      <h1 class="state-title">{text.state.failed}</h1>
      <p class="state-hint">{text.state.offline}</p>
      <button class="button" type="button" onClick={() => location.reload()}>
        {text.state.retry}
      </button>
    </div>
  );
}
