/** Models of the project's folders, opened to be sold: an engine, what customers may know of it, and a price. */
import path from 'node:path';
import { systemCode } from '../../base/errors.js';
import { parseMicros } from '../../base/money.js';
import type { Books } from '../../company/billing/customers.js';
import { hasPublishedList, priceOf, setPrice } from '../../company/billing/prices.js';
import type { ModelFacts, OpenedModel } from '../../company/gateway/served-models.js';
import { readPassportFile } from '../../lab/data/corpus.js';
import type { TextEngine } from '../../lab/generate/engine.js';
import { createWorkerEngine } from '../../lab/generate/worker-engine.js';
import { PASSPORT_NAME } from '../../lab/train/model-card.js';
import type { Project } from '../config/project.js';

export interface LocalModels {
  /** @throws MoatError those of `loadEngine` */
  open(name: string, folder: string): Promise<OpenedModel>;
  /** Of every model that was opened. */
  close(): Promise<void>;
}

export function createLocalModels(project: Project, books: Books): LocalModels {
  const engines: TextEngine[] = [];
  return {
    async open(name, folder) {
      const facts = await factsOf(folder);
      const engine = await loadEngine(project, folder, name);
      engines.push(engine);
      await offerPrice(project, books, name);
      return { engine, facts };
    },
    async close() {
      await Promise.all(engines.map((engine) => engine.close()));
    },
  };
}

/** The passport of the data it was trained on, without the names of the files; nothing for a model from elsewhere. */
async function factsOf(folder: string): Promise<ModelFacts> {
  try {
    const { files, settings: _, ...passport } = await readPassportFile(path.join(folder, PASSPORT_NAME));
    return { data_passport: { ...passport, files: files.length } };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {};
    throw error;
  }
}

/** The model behind a worker thread. @param name under which it is sold; default the project's own */
export async function loadEngine(project: Project, folder: string, name?: string): Promise<TextEngine> {
  const { serve } = project.config;
  return createWorkerEngine({
    modelDirectory: folder,
    modelId: name ?? serve.modelId,
    threads: serve.threads,
    quantization: serve.quantization,
    device: serve.device,
    prefixCacheBytes: serve.prefixCache * 1e9,
    maxConcurrent: serve.maxConcurrent,
    queueLimit: serve.queueLimit,
  });
}

/**
 * Puts the configured price in force: for the project's own name where another one, or none, is; for other names where none is.
 * A published list of prices stands above it.
 */
async function offerPrice({ config }: Project, books: Books, model: string): Promise<void> {
  const { serve, currency, business } = config;
  if (await hasPublishedList(books, currency)) return;
  const wanted = {
    inputMicrosPerMillionTokens: parseMicros(business.inputPricePerMillion, 'business.inputPricePerMillion'),
    outputMicrosPerMillionTokens: parseMicros(business.outputPricePerMillion, 'business.outputPricePerMillion'),
  };
  const current = await priceOf(books, model, currency);
  if (current !== undefined && model !== serve.modelId) return;
  const same =
    current?.inputMicrosPerMillionTokens === wanted.inputMicrosPerMillionTokens &&
    current.outputMicrosPerMillionTokens === wanted.outputMicrosPerMillionTokens;
  if (!same) await setPrice(books, { model, currency, ...wanted });
}
