import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { clientAddress } from './client-address.js';

function from(remoteAddress: string, forwarded?: string): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress });
  const incoming = new IncomingMessage(socket);
  if (forwarded !== undefined) incoming.headers['x-forwarded-for'] = forwarded;
  return incoming;
}

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:0001::9', '2001:db8:1:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s is known as %s', (address, expected) => {
  expect(clientAddress(false)(from(address))).toBe(expected);
});

test('X-Forwarded-For counts only where a proxy writes it, and then its last word', () => {
  const forged = from('10.0.0.1', '1.1.1.1, 203.0.113.9');
  expect(clientAddress(false)(forged)).toBe('10.0.0.1');
  expect(clientAddress(true)(forged)).toBe('203.0.113.9');
  expect(clientAddress(true)(from('10.0.0.1'))).toBe('10.0.0.1');
  expect(clientAddress(true)(from('10.0.0.1', 'x'.repeat(500)))).toHaveLength(64);
});
