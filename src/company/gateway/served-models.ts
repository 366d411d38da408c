/**
 * What answers under which name, while the server runs. Models elsewhere stay what they are; one that runs here can be
 * replaced: requests that came before are answered by the model they came for, later ones by the new one.
 */
import type { Clock } from '../../base/clock.js';
import type { TextEngine } from '../../lab/generate/engine.js';
import { ApiProblem } from './api-problem.js';
import type { ModelSource } from './api-types.js';
import type { Backend } from './backend.js';
import { localBackend } from './local-backend.js';
import { createResponseCache } from './response-cache.js';

/** What customers may know of a model beside its name: JSON. */
export type ModelFacts = Readonly<Record<string, unknown>>;

export interface OpenedModel {
  readonly engine: TextEngine;
  readonly facts: ModelFacts;
}

export interface ServedModels {
  /** By the name customers ask for; always the ones of now. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly facts: ReadonlyMap<string, ModelFacts>;
  /** Of the models that run here and lie in `runs/`. */
  readonly sources: ReadonlyMap<string, ModelSource>;
  /** Whether another model can be put in place here. */
  readonly canPromote: boolean;
  /** Whether nothing has to answer under this name. */
  canWithdraw(name: string): boolean;
  /** Whether one is being loaded. */
  isPromoting(): boolean;
  /**
   * Loads the model, has it written down, and lets it answer from then on. When anything fails, all stays as it was.
   * @param keep writes it down
   * @throws ApiProblem 409 `promotion_not_here`, `promotion_under_way`, `name_taken`; what loading and `keep` throw
   */
  promote(name: string, source: ModelSource, keep?: () => Promise<void>): Promise<void>;
  /**
   * From the next request on nothing answers under the name; what was asked before is answered.
   * @param keep writes it down
   * @throws ApiProblem 404 `model_not_found`, 409 `promotion_not_here`, `promotion_under_way`, `own_name`; what `keep` throws
   */
  withdraw(name: string, keep?: () => Promise<void>): Promise<void>;
}

export interface ServedModelsOptions {
  readonly engines: ReadonlyMap<string, TextEngine>;
  readonly upstreams: ReadonlyMap<string, Backend>;
  /** Names of models of other kinds: those for vectors and moderation. */
  readonly otherNames: readonly string[];
  readonly facts: ReadonlyMap<string, ModelFacts>;
  readonly sources: ReadonlyMap<string, ModelSource>;
  /** The project's own, under which there is always a model. */
  readonly ownName: string | undefined;
  readonly openModel: ((name: string, source: ModelSource) => Promise<OpenedModel>) | undefined;
  readonly responseCache: { readonly maxBytes: number; readonly maxAgeMs: number } | undefined;
  readonly clock: Clock;
  /** Requests that are being answered. */
  readonly inFlight: ReadonlySet<Promise<void>>;
  onProblem(error: unknown): void;
}

export function createServedModels(options: ServedModelsOptions): ServedModels {
  const { upstreams, openModel, responseCache, clock, inFlight, onProblem } = options;
  const cache = responseCache === undefined ? undefined : createResponseCache({ ...responseCache, clock });
  const offered = (backend: Backend): Backend => cache?.over(backend) ?? backend;
  const engines = new Map(options.engines);
  const backends = new Map<string, Backend>();
  for (const [name, engine] of engines) backends.set(name, offered(localBackend(engine)));
  for (const [name, upstream] of upstreams) backends.set(name, offered(upstream));
  const facts = new Map(options.facts);
  const sources = new Map(options.sources);
  const taken = new Set([...upstreams.keys(), ...options.otherNames]);
  let isPromoting = false;
  /** One change at a time. */
  const changing = async (change: () => Promise<void>): Promise<void> => {
    if (isPromoting) throw underWay();
    isPromoting = true;
    try {
      await change();
    } finally {
      isPromoting = false;
    }
  };

  /** What was asked before is answered before the model goes. */
  const retire = (engine: TextEngine): void => {
    void Promise.all(inFlight)
      .then(() => engine.close())
      .catch(onProblem);
  };
  return {
    backends,
    facts,
    sources,
    canPromote: openModel !== undefined,
    canWithdraw: (name) => openModel !== undefined && engines.has(name) && name !== options.ownName,
    isPromoting: () => isPromoting,
    async promote(name, source, keep = async () => undefined) {
      if (openModel === undefined) throw notHere();
      if (taken.has(name)) throw nameTaken(name);
      await changing(async () => {
        const opened = await openModel(name, source);
        try {
          await keep();
        } catch (error) {
          await opened.engine.close();
          throw error;
        }
        const before = engines.get(name);
        engines.set(name, opened.engine);
        backends.set(name, offered(localBackend(opened.engine)));
        facts.set(name, opened.facts);
        sources.set(name, source);
        if (before !== undefined) retire(before);
      });
    },
    async withdraw(name, keep = async () => undefined) {
      if (openModel === undefined) throw notHere();
      const engine = engines.get(name);
      if (engine === undefined) throw notServed(name);
      if (name === options.ownName) throw ownName(name);
      await changing(async () => {
        await keep();
        for (const each of [engines, backends, facts, sources]) each.delete(name);
        retire(engine);
      });
    },
  };
}

const notHere = (): ApiProblem =>
  new ApiProblem(
    409,
    'promotion_not_here',
    'This server does not load models of the project. Start it with moat serve.',
  );

const notServed = (name: string): ApiProblem =>
  new ApiProblem(404, 'model_not_found', `No model of the project answers as "${name}".`);

const ownName = (name: string): ApiProblem =>
  new ApiProblem(
    409,
    'own_name',
    `"${name}" is the project's own name, under which there is always a model. Promote another one to it.`,
  );

const nameTaken = (name: string): ApiProblem =>
  new ApiProblem(409, 'name_taken', `"${name}" is the name of a model that does not run here. Take another name.`);

const underWay = (): ApiProblem =>
  new ApiProblem(409, 'promotion_under_way', 'Another model is being put in place. Try again when it answers.');
