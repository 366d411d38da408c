import { useRef, useState } from 'preact/hooks';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from './dialog.js';

/** A text that can be copied with one press; where the browser does not let us, it is selected. */
export function CopyLine({ value, label }: { value: string; label: string }) {
  const { text } = useLocale();
  const [copied, setCopied] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const copy = (): void => {
    input.current?.select();
    // Over plain HTTP from another machine there is no clipboard; the selected text can still be copied by hand.
    void navigator.clipboard?.writeText(value).then(
      () => setCopied(true),
      () => undefined,
    );
  };
  return (
    <div class="copy-line">
      <input class="input input-code" ref={input} readOnly value={value} aria-label={label} spellcheck={false} />
      <button class="button" type="button" onClick={copy}>
        {copied ? text.actions.copied : text.actions.copy}
      </button>
      <span class="visually-hidden" role="status">
        {copied ? text.actions.copied : ''}
      </span>
    </div>
  );
}

/** Something that is shown this once and never again: it closes when the reader says that he has it. */
export function ShownOnce(props: { title: string; why: string; label: string; value: string; onClose: () => void }) {
  const { text } = useLocale();
  return (
    <Dialog title={props.title} onClose={props.onClose} keep>
      <p class="dialog-text">{props.why}</p>
      <CopyLine value={props.value} label={props.label} />
      <div class="form-actions">
        <button class="button button-primary" type="button" onClick={props.onClose}>
          {text.actions.haveIt}
        </button>
      </div>
    </Dialog>
  );
}
