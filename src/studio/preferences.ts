/** What the reader chose, kept in the browser. Storage may be switched off: then a choice lasts until the reload. */
import { type Language, preferredLanguage } from './i18n/dictionary.js';

export type Theme = 'auto' | 'light' | 'dark';

export const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

const LANGUAGE_KEY = 'moat.language';
const THEME_KEY = 'moat.theme';

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows may refuse; the page works without.
  }
}

export function readLanguage(): Language {
  const stored = read(LANGUAGE_KEY);
  return stored === 'en' || stored === 'zh' ? stored : preferredLanguage(navigator.languages);
}

export function saveLanguage(language: Language): void {
  write(LANGUAGE_KEY, language);
}

export function readTheme(): Theme {
  const stored = read(THEME_KEY);
  return stored === 'light' || stored === 'dark' ? stored : 'auto';
}

export function saveTheme(theme: Theme): void {
  write(THEME_KEY, theme);
}
