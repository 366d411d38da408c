import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useId, useRef } from 'preact/hooks';
import { useLocale } from '../i18n/locale.js';

interface DialogProps {
  title: string;
  onClose: () => void;
  /** For what is lost when it is closed by accident: then Escape does nothing. */
  keep?: boolean;
  wide?: boolean;
  children: ComponentChildren;
}

/** A window over the page: the browser keeps the focus inside, and gives it back where it came from. */
export function Dialog({ title, onClose, keep = false, wide = false, children }: DialogProps) {
  const { text } = useLocale();
  const id = useId();
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      class={`dialog ${wide ? 'dialog-wide' : ''}`}
      ref={element}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (!keep) onClose();
      }}
    >
      <div class="dialog-head">
        <h2 class="dialog-title" id={id}>
          {title}
        </h2>
        {!keep && (
          <button class="icon-button" type="button" aria-label={text.actions.close} onClick={onClose}>
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="m3 3 10 10M13 3 3 13" />
            </svg>
          </button>
        )}
      </div>
      {children}
    </dialog>
  );
}
