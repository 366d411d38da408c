/** Settings of a run as a form has them, in text, and back. */
import type { RunSetting, RunSettings } from '../../company/gateway/api-types.js';

export type WrittenSettings = Partial<Record<RunSetting, string>>;

const TEXTS: readonly RunSetting[] = ['train.optimizer', 'train.schedule', 'train.samplePrompt'];
/** Where a run ends: whoever says one of them says both. */
const BUDGET: readonly RunSetting[] = ['train.steps', 'train.minutes'];

export function writtenSettings(settings: RunSettings): WrittenSettings {
  return Object.fromEntries(Object.entries(settings).map(([setting, value]) => [setting, String(value)]));
}

/** What was changed, as JSON; what is no number goes as it stands, and the server says what it should be. */
export function changedSettings(before: RunSettings, written: WrittenSettings): RunSettings {
  const old = writtenSettings(before);
  const entries = Object.entries(written) as [RunSetting, string][];
  const isChanged = (setting: RunSetting): boolean => (written[setting] ?? '').trim() !== (old[setting] ?? '');
  const budgetChanged = BUDGET.some(isChanged);
  const settings: RunSettings = {};
  for (const [setting, text] of entries) {
    const value = text.trim();
    if (value === '' || !(BUDGET.includes(setting) ? budgetChanged : isChanged(setting))) continue;
    settings[setting] = TEXTS.includes(setting) || !Number.isFinite(Number(value)) ? value : Number(value);
  }
  return settings;
}
