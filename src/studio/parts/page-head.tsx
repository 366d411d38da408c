import type { ComponentChildren } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { useLocale } from '../i18n/locale.js';

interface PageHeadProps {
  title: string;
  /** Above the title: the way back. */
  above?: ComponentChildren;
  /** Beside the title. */
  note?: ComponentChildren;
  /** At the right: what can be done here. */
  children?: ComponentChildren;
}

/** The page's one first heading, and its name in the browser's tab. */
export function PageHead({ title, above, note, children }: PageHeadProps) {
  const { text } = useLocale();
  useLayoutEffect(() => {
    document.title = `${title} · ${text.header.product}`;
  }, [title, text]);
  return (
    <div class="page-head">
      <div class="page-name">
        {above}
        <h1 class="page-title">
          {title}
          {note}
        </h1>
      </div>
      {children !== undefined && <div class="page-actions">{children}</div>}
    </div>
  );
}
