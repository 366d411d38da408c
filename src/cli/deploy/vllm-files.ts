/** A model of the project behind vLLM on one machine, and the gateway's file that names it. */
import { type DeployFile, jsonFile } from './deploy-file.js';
import { type ServedModel, modelFiles } from './served-model.js';

/** The variable that holds vLLM's key; vLLM reads it by itself, and so does the gateway. */
export const VLLM_KEY = 'VLLM_API_KEY';

/** What `vllm serve` is told. @param folder of the model, where it runs */
export const vllmArguments = (
  { name, contextLength, dtype }: ServedModel,
  { folder, host, gpus }: { readonly folder: string; readonly host: string; readonly gpus: number },
): string[] => [
  folder,
  '--served-model-name',
  name,
  '--dtype',
  dtype,
  '--max-model-len',
  String(contextLength),
  '--host',
  host,
  '--port',
  '8000',
  ...(gpus === 1 ? [] : ['--tensor-parallel-size', String(gpus)]),
];

/** `upstreams.json` for one engine. @param tokenizer folder, relative to the file */
export const upstreamsFile = (model: ServedModel, tokenizer: string, target: object): DeployFile =>
  jsonFile('upstreams.json', {
    models: {
      [model.name]: {
        contextLength: model.contextLength,
        tokenizer,
        targets: [{ ...target, model: model.name }],
      },
    },
  });

export function vllmFiles(model: ServedModel, gpus: number): DeployFile[] {
  const settings = vllmArguments(model, { folder: './model', host: '127.0.0.1', gpus });
  return [
    ...modelFiles(model),
    { name: 'start-vllm.sh', content: startScript(settings), isProgram: true },
    upstreamsFile(model, 'model', { engine: 'vllm', apiKeyEnvironment: VLLM_KEY }),
    { name: 'README.md', content: readme(model.name) },
  ];
}

const startScript = (settings: readonly string[]): string => `#!/bin/sh
# pip install vllm; the key in ${VLLM_KEY} is what the gateway has to say.
set -eu
cd "$(dirname "$0")"
: "\${${VLLM_KEY}:?Set ${VLLM_KEY} to a secret, such as: openssl rand -hex 32}"
export ${VLLM_KEY}
exec vllm serve ${settings.map(shellWord).join(' ')}
`;

const shellWord = (text: string): string => (/^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

const readme = (name: string): string => `# ${name} behind vLLM

    export ${VLLM_KEY}="$(openssl rand -hex 32)"
    ./start-vllm.sh &                              # in this folder, on a machine with a GPU
    cp -r upstreams.json model YOUR-PROJECT/       # beside moat.config.ts
    moat upstreams check                           # the engine is the one that is meant
    moat prices book.json --publish                # nobody can buy what has no price
    moat serve --elsewhere                         # the engine's model alone, none here

Where vLLM runs on another machine: give --host 0.0.0.0 in start-vllm.sh, and in upstreams.json "url": "http://THAT-MACHINE" with
"allowPrivate": true. To sell the model that runs here beside it, give one of the two another name.
`;
