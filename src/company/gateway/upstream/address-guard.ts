/**
 * Which addresses a target may have. Metadata services of clouds and everything that is no single machine are refused always; private
 * networks unless the owner's file allows them. Names are checked when a connection is made, so a name that changes its answer is caught.
 */
import { type LookupAddress, lookup as dnsLookup } from 'node:dns';
import { BlockList, type LookupFunction, isIP } from 'node:net';

export type AddressKind = 'public' | 'private' | 'forbidden';

/** IANA's special-purpose registries (RFC 6890 and after), and where clouds put metadata. */
const FORBIDDEN = blockList([
  '0.0.0.0/8',
  '100.100.100.200/32', // Alibaba's metadata
  '168.63.129.16/32', // Azure's host
  '169.254.0.0/16',
  '192.0.0.0/24', // with Oracle's metadata
  '192.0.2.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3', // multicast, reserved, broadcast
  '::/128',
  '64:ff9b::/96', // these four carry an IPv4 address that would have to be judged
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
  '2001:db8::/32',
  'fd00:ec2::/32', // Amazon's metadata
  'fd20:ce::254/128', // Google's
  'fe80::/10',
  'ff00::/8',
]);
const PRIVATE = blockList([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '::1/128',
  'fc00::/7',
]);
const GLOBAL_IPV6 = blockList(['2000::/3']);

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits] = range.split('/');
    list.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** @param address IPv4 or IPv6; IPv4 inside IPv6 is judged as IPv4 where it is private, else refused */
export function addressKind(address: string): AddressKind {
  const bare = address.replace(/%.*$/, '');
  const family = isIP(bare) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(bare) === 0 || FORBIDDEN.check(bare, family)) return 'forbidden';
  if (PRIVATE.check(bare, family)) return 'private';
  return family === 'ipv4' || GLOBAL_IPV6.check(bare, family) ? 'public' : 'forbidden';
}

/** @returns what is wrong with a target's URL, or undefined */
export function urlProblem(text: string, allowPrivate: boolean): string | undefined {
  if (!URL.canParse(text)) return 'is no URL';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'begins with neither http:// nor https://';
  if (url.username !== '' || url.password !== '') return 'holds a name or password; name an environment variable';
  if (url.search !== '' || url.hash !== '') return 'holds a query or fragment, which is no part of it';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return addressProblem(host, allowPrivate);
  return /(^|\.)localhost\.?$/.test(host) && !allowPrivate ? privateProblem(host) : undefined;
}

function addressProblem(address: string, allowPrivate: boolean): string | undefined {
  const kind = addressKind(address);
  if (kind === 'forbidden') return `${address} is an address that is never asked`;
  return kind === 'private' && !allowPrivate ? privateProblem(address) : undefined;
}

const privateProblem = (host: string): string =>
  `${host} is in a private network; set "allowPrivate": true on the target if it is meant`;

/** As `dns.lookup` with `all`. */
export type Resolve = (
  hostname: string,
  options: { all: true; family?: number | 'IPv4' | 'IPv6'; hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** The `lookup` of an HTTP agent: one address that may not be asked is enough to refuse a name. */
export function guardedLookup(allowPrivate: boolean, resolve: Resolve = dnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    const { family, hints } = options;
    const wanted = {
      all: true as const,
      ...(family !== undefined && { family }),
      ...(hints !== undefined && { hints }),
    };
    resolve(hostname, wanted, (error, addresses) => {
      const problem = addresses?.map(({ address }) => addressProblem(address, allowPrivate)).find((found) => found);
      const [first] = addresses ?? [];
      if (error !== null) callback(error, []);
      else if (problem !== undefined) callback(new Error(`${hostname}: ${problem}`), []);
      else if (first === undefined) callback(new Error(`${hostname} has no address`), []);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
