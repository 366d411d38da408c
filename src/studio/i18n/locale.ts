import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { dictionaries, type Dictionary, type Language } from './dictionary.js';
import { createFormatter, type Formatter } from './format.js';

/** A language with its texts and its way of writing figures. */
export interface Locale {
  readonly language: Language;
  /** BCP 47, for `lang` and Intl. */
  readonly tag: string;
  readonly text: Dictionary;
  readonly format: Formatter;
}

/** Keeps the reader's region ("en-GB") where the browser names one for the language. */
export function createLocale(language: Language, browserLanguages: readonly string[]): Locale {
  const regional = browserLanguages.find((tag) => tag.toLowerCase().startsWith(`${language}-`));
  const tag = regional ?? (language === 'zh' ? 'zh-CN' : 'en-US');
  return { language, tag, text: dictionaries[language], format: createFormatter(tag) };
}

export const LocaleContext = createContext<Locale>(createLocale('en', []));

export const useLocale = (): Locale => useContext(LocaleContext);
