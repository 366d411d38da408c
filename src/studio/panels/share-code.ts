/** A question of the playground as code that asks the same of the public API. Pure. */
import type { Question } from '../api/asked.js';

export type CodeLanguage = 'curl' | 'typescript' | 'python';

export const CODE_LANGUAGES: readonly { readonly value: CodeLanguage; readonly label: string }[] = [
  { value: 'curl', label: 'curl' },
  { value: 'typescript', label: 'TypeScript' },
  { value: 'python', label: 'Python' },
];

/** @param origin where the gateway is, such as `https://api.acme.com` */
export function shareCode(language: CodeLanguage, question: Question, origin: string): string {
  const chat = question.messages !== undefined;
  const body = JSON.stringify(question, null, 2);
  if (language === 'curl') {
    return [
      `curl ${origin}/v1/${chat ? 'chat/completions' : 'completions'} \\`,
      '  -H "authorization: Bearer $MOAT_API_KEY" \\',
      "  -H 'content-type: application/json' \\",
      `  -d '${body.replaceAll("'", String.raw`'\''`)}'`,
    ].join('\n');
  }
  const create = chat ? 'chat.completions.create' : 'completions.create';
  const text = chat ? 'choices[0].message.content' : 'choices[0].text';
  if (language === 'typescript') {
    return [
      "import OpenAI from 'openai';",
      '',
      `const client = new OpenAI({ baseURL: '${origin}/v1', apiKey: process.env.MOAT_API_KEY });`,
      `const answer = await client.${create}(${body});`,
      `console.log(answer.${text});`,
    ].join('\n');
  }
  return [
    'import os',
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url="${origin}/v1", api_key=os.environ["MOAT_API_KEY"])`,
    `answer = client.${create}(`,
    ...Object.entries(question).map(([name, value]) => `    ${name}=${pythonOf(value, 4)},`),
    ')',
    `print(answer.${text})`,
  ].join('\n');
}

/** JSON is Python, but for the three words that are not. */
function pythonOf(value: unknown, indent: number): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null) return 'None';
  return JSON.stringify(value, null, 2).replaceAll('\n', `\n${' '.repeat(indent)}`);
}
