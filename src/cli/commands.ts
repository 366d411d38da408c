import type { Command } from './command.js';

/** What the list of commands needs to know before a command's own file is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

/**
 * Every command, in the order a founder meets them: one line a command. Files are loaded only when needed, so that
 * `moat --help` stays fast; a test holds each line against its file.
 */
export const commands: readonly CommandEntry[] = [
  {
    name: 'demo',
    summary: 'the whole job on real text: train, measure, sell, account',
    load: () => import('./commands/demo.js'),
  },
  { name: 'init', summary: 'start a project in a folder', load: () => import('./commands/init.js') },
  { name: 'data', summary: 'read, clean and split your texts', load: () => import('./commands/data.js') },
  {
    name: 'augment',
    summary: 'make more training records from few',
    load: () => import('./commands/augment.js'),
  },
  {
    name: 'align',
    summary: 'pair the sentences of a text with those of its translation',
    load: () => import('./commands/align.js'),
  },
  {
    name: 'check-table',
    summary: 'look a table over before a model learns from it',
    load: () => import('./commands/check-table.js'),
  },
  {
    name: 'tokenizer',
    summary: 'learn how to cut your texts into tokens',
    load: () => import('./commands/tokenizer.js'),
  },
  {
    name: 'models',
    summary: 'the architectures there are; which model answers customers',
    load: () => import('./commands/models.js'),
  },
  { name: 'train', summary: 'train the model, or go on training it', load: () => import('./commands/train.js') },
  {
    name: 'plan',
    summary: 'how good a model a budget buys, from a few small runs',
    load: () => import('./commands/plan.js'),
  },
  {
    name: 'tune',
    summary: 'teach a model from conversations, questions with answers',
    load: () => import('./commands/tune.js'),
  },
  { name: 'eval', summary: 'measure a model on text it has not seen', load: () => import('./commands/eval.js') },
  {
    name: 'task',
    summary: 'fit a model to a task and say how good it is',
    load: () => import('./commands/task.js'),
  },
  {
    name: 'multitask',
    summary: 'several tasks on one encoder, beside each alone',
    load: () => import('./commands/multitask.js'),
  },
  {
    name: 'search',
    summary: 'look for better settings of a task, under a budget',
    load: () => import('./commands/search.js'),
  },
  {
    name: 'predict',
    summary: 'answer with a model of moat task or moat multitask',
    load: () => import('./commands/predict.js'),
  },
  { name: 'generate', summary: 'let the model continue a text', load: () => import('./commands/generate.js') },
  { name: 'embed', summary: 'turn texts into vectors, and compare them', load: () => import('./commands/embed.js') },
  {
    name: 'import',
    summary: 'take a model over from a GGUF file or a Hugging Face folder',
    load: () => import('./commands/import.js'),
  },
  {
    name: 'export',
    summary: "write a model as a GGUF file, or as a folder of Hugging Face's",
    load: () => import('./commands/export.js'),
  },
  {
    name: 'adapter',
    summary: 'look at a low-rank adapter, or merge it into its base',
    load: () => import('./commands/adapter.js'),
  },
  {
    name: 'serve',
    summary: 'sell the model: an OpenAI-compatible API, and the studio',
    load: () => import('./commands/serve.js'),
  },
  {
    name: 'upstreams',
    summary: 'whether the engines elsewhere are what upstreams.json says',
    load: () => import('./commands/upstreams.js'),
  },
  {
    name: 'deploy',
    summary: 'write the files to serve a model with vLLM, Ollama, Compose or Kubernetes',
    load: () => import('./commands/deploy.js'),
  },
  { name: 'keys', summary: 'customers, their API keys, limits and credit', load: () => import('./commands/keys.js') },
  { name: 'users', summary: 'who may sign in to the back office', load: () => import('./commands/users.js') },
  {
    name: 'prices',
    summary: 'price books: who would pay what, and what is in force',
    load: () => import('./commands/prices.js'),
  },
  {
    name: 'plans',
    summary: 'monthly plans, and who is on which',
    load: () => import('./commands/plans.js'),
  },
  {
    name: 'invoices',
    summary: 'bill what is due, and follow it until it is paid',
    load: () => import('./commands/invoices.js'),
  },
  {
    name: 'top-ups',
    summary: 'credit that customers asked for: paid, void, paid back',
    load: () => import('./commands/top-ups.js'),
  },
  {
    name: 'budgets',
    summary: 'how much customers, keys and models may spend',
    load: () => import('./commands/budgets.js'),
  },
  {
    name: 'usage',
    summary: 'what was used; correct it, add what came late, drop what is old',
    load: () => import('./commands/usage.js'),
  },
  {
    name: 'audit',
    summary: 'prove that usage, ledger and invoices agree',
    load: () => import('./commands/audit.js'),
  },
  {
    name: 'business',
    summary: 'what the model cost, what it earns, and when it pays',
    load: () => import('./commands/business.js'),
  },
  {
    name: 'bench',
    summary: 'how much the served model can do, at rising load',
    load: () => import('./commands/bench.js'),
  },
  {
    name: 'doctor',
    summary: 'check what this machine has and what is missing',
    load: () => import('./commands/doctor.js'),
  },
];
