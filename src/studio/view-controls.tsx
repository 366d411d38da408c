import { type Language, LANGUAGE_NAMES } from './i18n/dictionary.js';
import { useLocale } from './i18n/locale.js';
import { Segments } from './parts/segments.js';
import { type Theme, THEMES } from './preferences.js';

export interface ViewControls {
  readonly language: Language;
  readonly setLanguage: (language: Language) => void;
  readonly theme: Theme;
  readonly setTheme: (theme: Theme) => void;
}

const LANGUAGES: readonly Language[] = ['en', 'zh'];

/** Language and light. */
export function ViewSwitches({ controls }: { controls: ViewControls }) {
  const { text } = useLocale();
  return (
    <div class="header-controls">
      <Segments
        name="language"
        label={text.header.language}
        options={LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }))}
        value={controls.language}
        onChange={controls.setLanguage}
      />
      <Segments
        name="theme"
        label={text.header.theme}
        options={THEMES.map((value) => ({ value, label: text.header.themes[value] }))}
        value={controls.theme}
        onChange={controls.setTheme}
      />
    </div>
  );
}
