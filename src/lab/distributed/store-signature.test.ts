/** Against the signatures that AWS publishes, with the keys of its examples. */
import { expect, test } from 'vitest';
import { authorization, sha256Hex, signingTime } from './store-signature.js';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, its four examples */
const S3_EXAMPLES = [
  {
    method: 'GET',
    path: '/test.txt',
    headers: { range: 'bytes=0-9' },
    body: '',
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    method: 'PUT',
    path: '/test%24file.text',
    headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
    body: 'Welcome to Amazon S3.',
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    method: 'GET',
    path: '/?lifecycle',
    headers: {},
    body: '',
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    method: 'GET',
    path: '/?max-keys=2&prefix=J',
    headers: {},
    body: '',
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
];

test.each(S3_EXAMPLES)('S3: $method $path', ({ method, path, headers, body, signature }) => {
  const at = signingTime(Date.UTC(2013, 4, 24));
  const bodyHash = sha256Hex(body);
  const url = new URL(path, 'https://examplebucket.s3.amazonaws.com');
  const keys = { id: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
  const signed = { ...headers, 'x-amz-content-sha256': bodyHash, 'x-amz-date': at };
  const scope = { at, region: 'us-east-1', service: 's3' };
  expect(authorization({ method, url, headers: signed, bodyHash }, keys, scope)).toMatch(
    new RegExp(`^AWS4-HMAC-SHA256 Credential=AKIA.*/20130524/us-east-1/s3/aws4_request,.*,Signature=${signature}$`),
  );
});

/** AWS's Signature Version 4 test suite, by the names of its cases. */
const SUITE = {
  'get-vanilla': ['/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  'get-vanilla-query-order-key-case': [
    '/?Param2=value2&Param1=value1',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
} as const;

test.each(Object.entries(SUITE))('the suite: %s', (_name, [path, signature]) => {
  const at = '20150830T123600Z';
  const keys = { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  const url = new URL(path, 'https://example.amazonaws.com');
  const parts = { method: 'GET', url, headers: { 'x-amz-date': at }, bodyHash: sha256Hex('') };
  expect(authorization(parts, keys, { at, region: 'us-east-1', service: 'service' })).toBe(
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,SignedHeaders=host;x-amz-date,Signature=${signature}`,
  );
});
