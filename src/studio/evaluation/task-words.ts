import { CHINESE_TASK_WORDS } from '../../base/task-words.js';
import type { Language } from '../i18n/dictionary.js';

/** What a report calls a task or a baseline, in the reader's words where there are any. */
export const taskWord = (language: Language, name: string): string =>
  (language === 'zh' ? CHINESE_TASK_WORDS[name] : undefined) ?? name;
