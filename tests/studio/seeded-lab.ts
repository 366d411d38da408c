/** What a project's stages leave behind, from a few invented texts and figures. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeEvaluation } from '../../src/lab/eval/evaluation-file.js';
import { exampleEvaluation, exampleReport } from './example-report.js';
import { trainTokenizer } from '../../src/lab/tokenizer/train-tokenizer.js';
import { writeTokenShards } from '../../src/lab/tokenizer/shard-writer.js';
import { readCorpus, readPassport } from '../../src/lab/data/corpus.js';
import { PASSPORT_NAME, renderModelCard } from '../../src/lab/train/model-card.js';
import { prepareCorpus } from '../../src/lab/data/prepare-corpus.js';

/** @param directory the project's */
export async function seedLab(directory: string): Promise<void> {
  await seedCorpus(directory);
  await seedSmaller(path.join(directory, 'runs', 'support-v1', 'checkpoints', 'step-00000120'));
  const checkpoint = path.join(directory, 'runs', 'support-v2', 'checkpoints', 'step-00000180');
  await writeEvaluation(checkpoint, exampleEvaluation);
  const passport = await readPassport(path.join(directory, '.moat', 'corpus'));
  await mkdir(checkpoint, { recursive: true });
  await writeFile(path.join(checkpoint, 'model.safetensors'), Buffer.alloc(23_068));
  const architecture = { title: 'Qwen3', source: 'arXiv:2505.09388' };
  await writeFile(path.join(checkpoint, 'README.md'), renderModelCard({ name: 'support-v2', architecture, passport }));
  await writeFile(path.join(checkpoint, PASSPORT_NAME), JSON.stringify(passport));
  for (const [name, value] of [
    ['mails-small', 0.86],
    ['mails', 0.9],
  ] as const) {
    const folder = path.join(directory, 'models', name);
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'report.json'), JSON.stringify(exampleReport(name, value)));
    await writeFile(path.join(folder, 'task.json'), JSON.stringify({ task: 'classification' }));
  }
}

/** A model that is smaller and worse, so that there is something to choose between. */
async function seedSmaller(checkpoint: string): Promise<void> {
  const { model, baselines } = exampleEvaluation;
  await mkdir(checkpoint, { recursive: true });
  await writeEvaluation(checkpoint, { model: { ...model, bitsPerByte: model.bitsPerByte + 0.21 }, baselines });
  await writeFile(path.join(checkpoint, 'model.safetensors'), Buffer.alloc(9_120));
}

const ENGLISH = [
  'Open the order in your account and choose the return. We send a label, and the refund follows after three days.',
  'Invoices are sent on the first of the month; whoever pays by card finds them in the account as well as in the mail.',
  'The parcel is with the carrier. Write to help@acme.example when it has not arrived after a week, and we send another.',
  'Sizes run small. When in doubt, take the next one up: the return is free for thirty days and the label is in the box.',
];
const CHINESE = [
  '请在账户中打开订单并选择退货，我们会通过邮件发送退货标签，收到货物后三天内退款到账。',
  '发票在每月一日寄出，刷卡付款的客户也可以在账户里找到，如有疑问请联系客服人员处理。',
];

async function seedCorpus(directory: string): Promise<void> {
  const source = path.join(directory, 'letters');
  await mkdir(path.join(source, 'faq'), { recursive: true });
  const texts = [...ENGLISH, ...CHINESE].flatMap((text, index) =>
    Array.from({ length: 4 }, (_, copy) => `${text} ${index * 4 + copy} ${text.slice(copy * 9)}`),
  );
  const lines = [...texts, texts[0], 'Thanks!', 'OK'].map((text) => JSON.stringify({ text }));
  await writeFile(path.join(source, 'mails.jsonl'), lines.slice(0, 14).join('\n'));
  await writeFile(path.join(source, 'faq', 'answers.jsonl'), [...lines.slice(14), '{"text":'].join('\n'));
  await prepareCorpus(path.join(directory, '.moat', 'corpus'), {
    source,
    licence: 'CC-BY-4.0',
    thresholds: { 'too-short': 20 },
    personalData: 'mask',
    validationFraction: 0.1,
    testFraction: 0.1,
    seed: 1,
  });
  await rm(source, { recursive: true });
  const tokenizer = await trainTokenizer(path.join(directory, '.moat', 'tokenizer'), texts, { vocabularySize: 420 });
  const corpus = path.join(directory, '.moat', 'corpus');
  await writeTokenShards(path.join(directory, '.moat', 'shards'), { train: readCorpus(corpus, 'train') }, tokenizer);
}
