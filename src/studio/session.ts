/** Who is using the studio in this tab: by a session's cookie, or by the token that `moat serve` prints. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { SessionInfo, SignInMethods } from '../company/gateway/api-types.js';
import { type Api, ApiFailure, createApi } from './api/client.js';

const TOKEN_KEY = 'moat.token';

/**
 * What the address brought behind its `#`, which browsers never send to a server. It disappears from the address, so that it
 * is neither bookmarked nor shared by accident.
 */
function takeFromAddress(name: 'token' | 'setup'): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get(name);
  if (given === null || given === '') return null;
  history.replaceState(null, '', location.pathname + location.search);
  return given;
}

export type Session =
  | { readonly kind: 'looking' }
  | { readonly kind: 'unreachable'; readonly failure: ApiFailure }
  | { readonly kind: 'signed-out'; readonly methods: SignInMethods; readonly why: 'refused' | 'ended' | null }
  /** A setup link was opened: a password is to be chosen. */
  | { readonly kind: 'setting-up'; readonly setupToken: string }
  | { readonly kind: 'signed-in'; readonly info: SessionInfo; readonly api: Api };

export interface SessionControl {
  readonly session: Session;
  /** Looks again who one is. */
  readonly look: () => void;
  readonly enterToken: (token: string) => void;
  /** @throws ApiFailure */
  readonly signIn: (email: string, password: string) => Promise<void>;
  readonly signOut: () => Promise<void>;
}

export function useSession(): SessionControl {
  const [session, setSession] = useState<Session>({ kind: 'looking' });
  const leave = useCallback((why: 'refused' | 'ended' | null): void => {
    sessionStorage.removeItem(TOKEN_KEY);
    const signedOut = (methods: SignInMethods): void => setSession({ kind: 'signed-out', methods, why });
    void createApi({})
      .get<SignInMethods>('/api/login')
      .then(signedOut, (error: unknown) => setSession(unreachable(error)));
  }, []);
  const enter = useCallback(
    (info: SessionInfo, token?: string): void => {
      const api = createApi({ token, csrfToken: info.csrfToken ?? undefined }, () => leave('ended'));
      setSession({ kind: 'signed-in', info, api });
    },
    [leave],
  );
  const look = useCallback((): void => {
    const setupToken = takeFromAddress('setup');
    if (setupToken !== null) return setSession({ kind: 'setting-up', setupToken });
    const given = takeFromAddress('token');
    if (given !== null) sessionStorage.setItem(TOKEN_KEY, given);
    const token = sessionStorage.getItem(TOKEN_KEY) ?? undefined;
    void findSession(token).then(
      (found) =>
        'permissions' in found ? enter(found, token) : setSession({ ...found, kind: 'signed-out', why: null }),
      (error: unknown) => {
        if (error instanceof ApiFailure && error.status === 401) leave(token === undefined ? 'ended' : 'refused');
        else setSession(unreachable(error));
      },
    );
    return undefined;
  }, [enter, leave]);
  useEffect(() => {
    look();
    // A new link, opened in this tab, changes nothing but the fragment.
    const onHash = (): void => {
      if (/^#(token|setup)=./.test(location.hash)) look();
    };
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, [look]);

  const enterToken = (token: string): void => {
    sessionStorage.setItem(TOKEN_KEY, token);
    look();
  };
  const signIn = async (email: string, password: string): Promise<void> =>
    enter(await createApi({}).post<SessionInfo>('/api/login', { email, password }));
  const signOut = async (): Promise<void> => {
    if (session.kind === 'signed-in' && session.info.user !== null) await session.api.post('/api/logout');
    leave(null);
  };
  return { session, look, enterToken, signIn, signOut };
}

/** Asks for the session only where there is one: a request that is bound to fail is none to make. */
async function findSession(token: string | undefined): Promise<SessionInfo | { methods: SignInMethods }> {
  const api = createApi({ token });
  if (token !== undefined) return api.get<SessionInfo>('/api/session');
  const methods = await api.get<SignInMethods>('/api/login');
  return methods.signedIn ? api.get<SessionInfo>('/api/session') : { methods };
}

const unreachable = (error: unknown): Session => ({
  kind: 'unreachable',
  failure: error instanceof ApiFailure ? error : new ApiFailure(0, '', String(error)),
});
