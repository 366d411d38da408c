import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

/** Where a request comes from, as one text for each customer of an internet provider. */
export type ClientAddress = (incoming: IncomingMessage) => string;

/**
 * @param trustProxy a reverse proxy stands in front: the last address it put into `X-Forwarded-For` is the client's.
 *   Without one that header is the client's own invention.
 * @returns an IPv4 address, or an IPv6 address' /64 network, which is what one customer is given
 */
export function clientAddress(trustProxy: boolean): ClientAddress {
  return ({ headers, socket }) => {
    const forwarded = trustProxy ? [headers['x-forwarded-for'] ?? []].flat().join(',').split(',').at(-1)?.trim() : '';
    return networkOf((forwarded === '' ? undefined : forwarded) ?? socket.remoteAddress ?? 'unknown');
  };
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address.slice(0, 64);
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [front, back] = [groupsOf(head), groupsOf(tail ?? '')];
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(8 - front.length - back.length, 0) }, () => '0');
  const groups = [...front, ...zeros, ...back].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(':')}::/64`;
}
