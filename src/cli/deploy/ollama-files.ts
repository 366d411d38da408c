/** A model of the project for Ollama: a GGUF file, the Modelfile around it, and the gateway's file that names it. */
import { MoatError } from '../../base/errors.js';
import type { WrittenType } from '../../lab/checkpoint/gguf-quantize.js';
import { exportGguf } from '../../lab/generate/gguf-export.js';
import { TURN_END, TURN_START } from '../../lab/tokenizer/special-tokens.js';
import type { DeployFile } from './deploy-file.js';
import { type ServedModel, tokenizerFiles } from './served-model.js';
import { upstreamsFile } from './vllm-files.js';

/** Ollama's names; it puts `:latest` behind them. */
const OLLAMA_NAME = /^[a-z0-9][a-z0-9._-]{0,79}$/i;

/** @throws MoatError `bad-model-name`; when it is written, those of `exportGguf` */
export function ollamaFiles(model: ServedModel, type: WrittenType): DeployFile[] {
  if (!OLLAMA_NAME.test(model.name))
    throw new MoatError('bad-model-name', `"${model.name}" is no name that Ollama takes`, {
      fix: 'Give one of letters, digits, dots and hyphens with --name.',
    });
  const write = async (file: string): Promise<void> =>
    void (await exportGguf(model.folder, file, { type, name: model.name }));
  return [
    { name: 'model.gguf', content: write },
    ...tokenizerFiles(model),
    { name: 'Modelfile', content: modelfile(model) },
    upstreamsFile(model, 'tokenizer', { engine: 'ollama' }),
    { name: 'README.md', content: readme(model.name) },
  ];
}

function modelfile({ contextLength, template }: ServedModel): string {
  const common = `FROM ./model.gguf\nPARAMETER num_ctx ${contextLength}\n`;
  if (template === 'chatml') return `${common}PARAMETER stop "${TURN_END}"\nTEMPLATE """${CHATML}"""\n`;
  return template === 'other'
    ? `# The chat template is in model.gguf; Ollama takes it from there where it knows it.\n${common}`
    : `# This model was not taught conversations: ask it for completions.\n${common}TEMPLATE "{{ .Prompt }}"\n`;
}

/** ChatML in Go's templates, which say what Jinja's `CHAT_TEMPLATE` says. */
const CHATML = `{{- range .Messages }}${TURN_START}{{ .Role }}
{{ .Content }}${TURN_END}
{{ end }}${TURN_START}assistant
`;

const readme = (name: string): string => `# ${name} behind Ollama

    ollama create ${name} -f Modelfile             # in this folder
    cp -r upstreams.json tokenizer YOUR-PROJECT/   # beside moat.config.ts
    moat upstreams check                           # the engine is the one that is meant
    moat prices book.json --publish                # nobody can buy what has no price
    moat serve --elsewhere                         # the engine's model alone, none here

\`moat upstreams check --json\` tells the digest; write it into upstreams.json ("digest": "…"), and no other weights are ever sold
under this name. Where Ollama runs on another machine: "url": "http://THAT-MACHINE" and "allowPrivate": true.
`;
