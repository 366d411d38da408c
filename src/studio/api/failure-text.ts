import type { Dictionary } from '../i18n/dictionary.js';
import type { ApiFailure } from './client.js';

/** What went wrong, in the reader's language where it is a usual thing, in the server's words where not. */
export function failureText({ status, code, message }: ApiFailure, text: Dictionary): string {
  const known = new Map<string, string>(Object.entries(text.problems)).get(code);
  return known ?? (status === 0 ? text.state.offline : text.state.serverSaid(message));
}
