/** What stands around every page of the studio: who is signed in, where one can go, and where one is. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { SessionInfo } from '../company/gateway/api-types.js';
import type { Api } from './api/client.js';
import { Account, Header } from './header.js';
import { useLocale } from './i18n/locale.js';
import { mayDo, pageAt, PAGES } from './pages.js';
import { Fetched } from './parts/fetched.js';
import { Link, useAddress } from './router.js';
import type { ViewControls } from './view-controls.js';

interface FrameProps {
  controls: ViewControls;
  dark: boolean;
  api: Api;
  session: SessionInfo;
  onSignOut: () => Promise<void>;
}

export function Frame({ controls, dark, api, session, onSignOut }: FrameProps) {
  const { text } = useLocale();
  const address = useAddress();
  const main = useRef<HTMLElement>(null);
  const page = pageAt(address.path);
  const shown = page !== undefined && mayDo(session, page.needs) ? page : undefined;
  const nav = useRef<HTMLElement>(null);
  useFocusOnArrival(main, address.path);
  // On a phone the pages' names are wider than the screen: where one is must not lie outside it.
  useLayoutEffect(() => {
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [page?.path, text]);
  const toMain = (event: Event): void => {
    event.preventDefault();
    main.current?.focus();
  };
  const who = session.user?.email ?? text.frame.tokenUser;
  return (
    <>
      <a class="skip-link" href="#main" onClick={toMain}>
        {text.frame.skip}
      </a>
      <Header
        name={text.header.product}
        controls={controls}
        account={
          <Account
            who={who}
            note={text.roles[session.role]}
            signOut={text.frame.signOut}
            onSignOut={() => void onSignOut()}
          />
        }
      />
      <nav class="nav" ref={nav} aria-label={text.frame.navigation}>
        {PAGES.filter(({ needs }) => mayDo(session, needs)).map(({ path, name }) => (
          <Link key={path} class="nav-link" href={path} current={page?.path === path}>
            {text.pages[name]}
          </Link>
        ))}
      </nav>
      <main class="main" id="main" ref={main} tabIndex={-1}>
        {shown === undefined ? (
          <NotHere exists={page !== undefined} />
        ) : (
          <Fetched key={shown.path} load={shown.load} props={{ api, session, address, dark }} />
        )}
      </main>
    </>
  );
}

/** A new page begins at its top and is read from its top; the first one is where the browser put it. */
function useFocusOnArrival(main: { current: HTMLElement | null }, path: string): void {
  const last = useRef(path);
  useLayoutEffect(() => {
    if (last.current === path) return;
    last.current = path;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path]);
}

function NotHere({ exists }: { exists: boolean }) {
  const { text } = useLocale();
  useLayoutEffect(() => {
    document.title = text.header.product;
  }, [text]);
  return (
    <div class="state state-page">
      <h1 class="state-title">{exists ? text.frame.notAllowed : text.frame.notFound}</h1>
      <p class="state-hint">{exists ? text.frame.notAllowedHint : text.frame.notFoundHint}</p>
      <Link class="button" href="/">
        {text.pages.home}
      </Link>
    </div>
  );
}
