import { useState } from 'preact/hooks';
import type { Question } from '../api/asked.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { Segments } from '../parts/segments.js';
import { CODE_LANGUAGES, type CodeLanguage, shareCode } from './share-code.js';

/** The question as code, for whoever builds it into a program. */
export function ShareDialog({ question, onClose }: { question: Question; onClose: () => void }) {
  const { text } = useLocale();
  const [language, setLanguage] = useState<CodeLanguage>('curl');
  const [copied, setCopied] = useState(false);
  const code = shareCode(language, question, location.origin);
  const copy = (): void => {
    void navigator.clipboard?.writeText(code).then(
      () => setCopied(true),
      () => undefined,
    );
  };
  return (
    <Dialog title={text.playground.share} onClose={onClose} wide>
      <p class="dialog-text">{text.playground.shareWhy}</p>
      <Segments
        name="code-language"
        label={text.playground.codeLanguage}
        options={CODE_LANGUAGES}
        value={language}
        onChange={(next) => {
          setLanguage(next);
          setCopied(false);
        }}
      />
      <pre class="code-block" tabIndex={0}>
        <code>{code}</code>
      </pre>
      <div class="form-actions">
        <button class="button button-primary" type="button" onClick={copy}>
          {copied ? text.actions.copied : text.actions.copy}
        </button>
      </div>
    </Dialog>
  );
}
