/**
 * The access token: it arrives in the address after `#token=`, which browsers never send to a server, moves to this
 * tab's session storage and disappears from the address, so that it is neither bookmarked nor shared by accident.
 */
const TOKEN_KEY = 'moat.token';

export function readToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null && given !== '') {
    saveToken(given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(TOKEN_KEY);
}

export function saveToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN_KEY);
}
