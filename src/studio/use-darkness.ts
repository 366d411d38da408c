import { useEffect, useState } from 'preact/hooks';
import type { Theme } from './preferences.js';

const query = matchMedia('(prefers-color-scheme: dark)');

/** Whether the page is dark now: chosen so, or left to a system that is. */
export function useDarkness(theme: Theme): boolean {
  const [systemDark, setSystemDark] = useState(query.matches);
  useEffect(() => {
    const follow = (): void => setSystemDark(query.matches);
    query.addEventListener('change', follow);
    return () => query.removeEventListener('change', follow);
  }, []);
  return theme === 'auto' ? systemDark : theme === 'dark';
}
