/** The studio's addresses: the browser's history and nothing else. The server answers each of them with the same page. */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';

export interface Address {
  /** `/customers/cus_1`, without a slash at the end. */
  readonly path: string;
  readonly query: URLSearchParams;
}

const MOVED = 'moat:moved';

const here = (): string => location.pathname + location.search;

/** @param how `replace` for a choice within a page, so that "back" leaves the page */
export function navigate(href: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', href);
  else history.replaceState(null, '', href);
  window.dispatchEvent(new Event(MOVED));
}

/** The address with one part of its query set, or taken out. */
export function withQuery({ path, query }: Address, name: string, value: string | null): string {
  const next = new URLSearchParams(query);
  if (value === null) next.delete(name);
  else next.set(name, value);
  const text = next.toString();
  return text === '' ? path : `${path}?${text}`;
}

export function useAddress(): Address {
  const [href, setHref] = useState(here);
  useEffect(() => {
    const follow = (): void => setHref(here());
    window.addEventListener('popstate', follow);
    window.addEventListener(MOVED, follow);
    return () => {
      window.removeEventListener('popstate', follow);
      window.removeEventListener(MOVED, follow);
    };
  }, []);
  return useMemo(() => {
    const { pathname, searchParams } = new URL(href, location.origin);
    return { path: pathname.replace(/(.)\/+$/, '$1'), query: searchParams };
  }, [href]);
}

interface LinkProps {
  href: string;
  class?: string;
  /** The link leads to where one is. */
  current?: boolean;
  /** See `navigate`. */
  how?: 'push' | 'replace';
  children: ComponentChildren;
}

/** A link within the studio. Opening it in a new tab works as with any other. */
export function Link({ href, current = false, how = 'push', children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(href, how);
  };
  return (
    <a {...rest} href={href} aria-current={current ? 'page' : undefined} onClick={follow}>
      {children}
    </a>
  );
}
