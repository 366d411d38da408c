/** The outermost frame: in which language, in which light, and who may look. What is shown is the pages' affair. */
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { Frame } from './frame.js';
import type { Language } from './i18n/dictionary.js';
import { createLocale, LocaleContext } from './i18n/locale.js';
import { Fetched } from './parts/fetched.js';
import { readLanguage, readTheme, saveLanguage, saveTheme, type Theme } from './preferences.js';
import { navigate, useAddress } from './router.js';
import { useSession } from './session.js';
import { SetUp } from './sign-in/set-up.js';
import { SignIn } from './sign-in/sign-in.js';
import { Unreachable } from './sign-in/unreachable.js';
import { useDarkness } from './use-darkness.js';
import type { ViewControls } from './view-controls.js';

const loadPortal = async () => (await import('./portal/portal.js')).Portal;

export function App() {
  const [language, setLanguage] = useState<Language>(readLanguage);
  const [theme, setTheme] = useState<Theme>(readTheme);
  const dark = useDarkness(theme);
  const locale = useMemo(() => createLocale(language, navigator.languages), [language]);
  const { path } = useAddress();

  useLayoutEffect(() => {
    document.documentElement.lang = locale.tag;
    saveLanguage(language);
  }, [locale, language]);
  useLayoutEffect(() => {
    document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
    saveTheme(theme);
  }, [theme, dark]);

  const controls = { language, setLanguage, theme, setTheme };
  return (
    <LocaleContext.Provider value={locale}>
      {path === '/portal' ? (
        <Fetched load={loadPortal} props={{ controls, dark }} />
      ) : (
        <Studio key="studio" controls={controls} dark={dark} />
      )}
    </LocaleContext.Provider>
  );
}

function Studio({ controls, dark }: { controls: ViewControls; dark: boolean }) {
  const { session, look, enterToken, signIn, signOut } = useSession();
  useEffect(() => {
    // What the provider said is shown once: a reload is a new try.
    if (session.kind === 'signed-in' && location.search.includes('sign-in-problem')) navigate('/', 'replace');
  }, [session]);
  switch (session.kind) {
    case 'looking':
      return <main class="gate" aria-busy="true" />;
    case 'unreachable':
      return <Unreachable controls={controls} failure={session.failure} onRetry={look} />;
    case 'setting-up':
      return <SetUp controls={controls} setupToken={session.setupToken} onReady={signIn} onCancel={look} />;
    case 'signed-out':
      return <SignIn controls={controls} session={session} onSignIn={signIn} onToken={enterToken} />;
    case 'signed-in':
      return <Frame controls={controls} dark={dark} api={session.api} session={session.info} onSignOut={signOut} />;
  }
}
