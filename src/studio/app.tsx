/** The frame of the page: who may look, in which language, in which light. What is shown is the dashboard's affair. */
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { createApi } from './api/client.js';
import { Dashboard } from './dashboard.js';
import { Gate } from './gate.js';
import type { Language } from './i18n/dictionary.js';
import { createLocale, LocaleContext } from './i18n/locale.js';
import { readLanguage, readTheme, saveLanguage, saveTheme, type Theme } from './preferences.js';
import { forgetToken, readToken, saveToken } from './session.js';
import { useDarkness } from './use-darkness.js';

export function App() {
  const [language, setLanguage] = useState<Language>(readLanguage);
  const [theme, setTheme] = useState<Theme>(readTheme);
  const [token, setToken] = useState<string | null>(readToken);
  const [refused, setRefused] = useState(false);
  const dark = useDarkness(theme);
  const locale = useMemo(() => createLocale(language, navigator.languages), [language]);

  useLayoutEffect(() => {
    document.documentElement.lang = locale.tag;
    document.title = locale.text.header.product;
    saveLanguage(language);
  }, [locale, language]);
  useLayoutEffect(() => {
    document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
    saveTheme(theme);
  }, [theme, dark]);
  useEffect(() => {
    // A new address from `moat serve`, opened in this tab, changes nothing but the fragment.
    const onHash = (): void => {
      setToken(readToken());
      setRefused(false);
    };
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);

  const api = useMemo(
    () =>
      token === null
        ? null
        : createApi(token, () => {
            forgetToken();
            setToken(null);
            setRefused(true);
          }),
    [token],
  );
  const controls = { language, setLanguage, theme, setTheme };
  const open = (given: string): void => {
    saveToken(given);
    setToken(given);
    setRefused(false);
  };
  return (
    <LocaleContext.Provider value={locale}>
      {api === null ? (
        <Gate controls={controls} refused={refused} onToken={open} />
      ) : (
        <Dashboard api={api} controls={controls} dark={dark} />
      )}
    </LocaleContext.Provider>
  );
}
