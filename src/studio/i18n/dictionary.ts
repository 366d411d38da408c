import { en } from './en.js';
import { zh } from './zh.js';

/** Every text of the studio; a language that lacks one does not compile. */
export type Dictionary = typeof en;

export type Language = 'en' | 'zh';

export const dictionaries: Record<Language, Dictionary> = { en, zh };

/** Each language by its own name, as its readers look for it. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', zh: '中文' };

/** The first of the reader's languages that the studio speaks, English failing that. */
export function preferredLanguage(browserLanguages: readonly string[]): Language {
  for (const tag of browserLanguages) {
    if (tag.toLowerCase().startsWith('zh')) return 'zh';
    if (tag.toLowerCase().startsWith('en')) return 'en';
  }
  return 'en';
}
