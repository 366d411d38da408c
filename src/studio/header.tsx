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

export function Header({ controls, project }: { controls: ViewControls; project: string | undefined }) {
  const { text } = useLocale();
  return (
    <header class="header">
      <div class="brand">
        <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M8 22V11h4v3h8v-3h4v11" />
        </svg>
        <h1 class="brand-name">{text.header.product}</h1>
        {project !== undefined && <span class="brand-project">{project}</span>}
      </div>
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
    </header>
  );
}
