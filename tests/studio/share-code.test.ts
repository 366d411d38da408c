import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shareCode } from '../../src/studio/panels/share-code.js';

const question = {
  model: 'acme-support',
  messages: [{ role: 'user', content: `It's "late"\n$HOME \`pwd\` 你好` }],
  max_tokens: 16,
  temperature: 0.8,
  top_p: 0.95,
  logprobs: true,
} as const;
const ORIGIN = 'https://api.example.com';

it('the shell hands curl the very question, whatever is in it', () => {
  const script = `curl() { printf '%s\\n' "$1"; printf '%s' "\${@: -1}"; }\n${shareCode('curl', question, ORIGIN)}`;
  const [url, ...body] = execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n');
  expect(url).toBe(`${ORIGIN}/v1/chat/completions`);
  expect(JSON.parse(body.join('\n'))).toEqual(question);
});

it('TypeScript and Python say the same to their clients', () => {
  const typescript = shareCode('typescript', question, ORIGIN);
  const given = /create\((\{[^]*\})\);/.exec(typescript)?.[1] ?? '';
  expect(JSON.parse(given)).toEqual(question);
  expect(typescript).toContain(`baseURL: '${ORIGIN}/v1'`);
  const python = shareCode('python', question, ORIGIN);
  expect(python).toContain('logprobs=True,');
  expect(python).toContain('answer.choices[0].message.content');
});

it('a completion goes to its own route', () => {
  const { messages: _, ...rest } = question;
  const completion = { ...rest, prompt: 'Once', logprobs: 3 };
  expect(shareCode('curl', completion, ORIGIN)).toContain('/v1/completions ');
  expect(shareCode('python', completion, ORIGIN)).toContain('client.completions.create(');
});
