import { availableParallelism } from 'node:os';
import path from 'node:path';
import { databaseUrlFrom } from '../../base/secret-environment.js';
import { MAX_REPEATS } from '../../lab/data/mixture.js';
import { architectures } from '../../lab/models/registry.js';
import { configProblem, type ConfigSource, explainIssues } from './problems.js';
import { configSchema, type GivenConfig } from './schema.js';
import type { ProjectConfig } from './types.js';

type Given<Name extends keyof GivenConfig> = NonNullable<GivenConfig[Name]>;

/** What the defaults depend on, beside the file itself. */
export interface ResolveOptions {
  /** The project's folder; its name is the project's default name. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where values came from, for error messages. */
  readonly source: ConfigSource;
}

/**
 * Checks a configuration of unknown origin and fills every default in.
 * @throws MoatError `config-invalid`: one line a problem (file, field, expected, found), at most five.
 */
export function resolveConfig(input: unknown, options: ResolveOptions): ProjectConfig {
  const parsed = configSchema.safeParse(input);
  if (!parsed.success) throw explainIssues(parsed.error.issues, input, options.source);
  const given = parsed.data;
  const name = given.name ?? nameFromFolder(options.root);
  const model = resolveModel(given.model ?? {});
  const databaseUrl = given.database?.url ?? databaseUrlFrom(options.env);
  const config: ProjectConfig = {
    schemaVersion: 1,
    name,
    currency: given.currency ?? 'USD',
    timeZone: given.timeZone ?? 'UTC',
    data: resolveData(given.data ?? {}),
    tokenizer: {
      vocabularySize: given.tokenizer?.vocabularySize ?? 4096,
      model: given.tokenizer?.model ?? (kindOf(model.architecture) === 'encoder' ? 'wordpiece' : 'bpe'),
      split: given.tokenizer?.split ?? 'gpt2',
    },
    model,
    train: resolveTrain(given.train ?? {}, model),
    serve: resolveServe(given.serve ?? {}, { name, isDatabaseHere: databaseUrl === undefined }),
    business: resolveBusiness(given.business ?? {}),
    database: { url: databaseUrl },
  };
  checkTogether(config, options.source);
  return config;
}

function nameFromFolder(root: string): string {
  const name = path.basename(path.resolve(root)).trim().slice(0, 64);
  return name === '' ? 'moat' : name;
}

function resolveData(data: Given<'data'>): ProjectConfig['data'] {
  return {
    path: data.path ?? 'data',
    minCharacters: data.minCharacters ?? 32,
    nearDuplicates: data.nearDuplicates ?? 0.7,
    repeatedPassages: data.repeatedPassages ?? 0,
    quality: data.quality ?? 'basic',
    testSets: data.testSets,
    allowLicences: data.allowLicences,
    denyLicences: data.denyLicences,
    format: data.format,
    textField: data.textField,
    personalData: data.personalData ?? 'mask',
    languages: data.languages,
    validationFraction: data.validationFraction ?? 0.02,
    testFraction: data.testFraction ?? 0.05,
    mixtureTemperature: data.mixtureTemperature ?? 1,
    mixtureWeights: data.mixtureWeights,
    mixtureBy: data.mixtureBy ?? 'language',
    maxRepeats: data.maxRepeats ?? MAX_REPEATS,
    seed: data.seed ?? 1,
  };
}

/** Width over depth: 6 layers × 256 is the shape the recipe was measured at. */
const WIDTH_PER_LAYER = 256 / 6;

/** Derives the whole shape from one dial, as `karpathy/nanochat` does; each size given by hand wins. */
export function resolveModel(model: Given<'model'>): ProjectConfig['model'] {
  const depth = model.depth ?? model.layers ?? 6;
  const headSize = model.headSize ?? 64;
  const derivedHeads = Math.max(1, Math.round((depth * WIDTH_PER_LAYER) / headSize));
  const hiddenSize = model.hiddenSize ?? (model.heads ?? derivedHeads) * headSize;
  const heads = model.heads ?? Math.max(1, Math.round(hiddenSize / headSize));
  return {
    architecture: model.architecture ?? 'qwen3',
    depth,
    layers: model.layers ?? depth,
    hiddenSize,
    heads,
    keyValueHeads: model.keyValueHeads ?? heads,
    headSize,
    intermediateSize: model.intermediateSize ?? Math.ceil((hiddenSize * 8) / 3 / 64) * 64,
    contextLength: model.contextLength ?? 256,
    tieWordEmbeddings: model.tieWordEmbeddings ?? false,
    dropout: model.dropout ?? 0,
    ropeTheta: model.ropeTheta ?? 10_000,
  };
}

const DEFAULT_MINUTES = 10;
const LEARNING_RATES = { muon: 0.02, adamw: 0.002, adam: 0.002, sgd: 0.1 } as const;
/** Gains move slowly beside matrices that are orthogonalised; measured in docs/LOG.md. */
const MUON_VECTOR_RATE = 0.01;
/** The last half of a run cools down: at these sizes that is worth more than a longer plateau. */
const DECAY_FRACTION = 0.5;

/** undefined for an architecture there is not: the command that needs it says so. */
const kindOf = (architecture: string): string | undefined =>
  architectures.find(({ modelType }) => modelType === architecture)?.kind;

function resolveTrain(train: Given<'train'>, { architecture, contextLength }: ProjectConfig['model']) {
  const kind = kindOf(architecture);
  // the rates beside Muon are those of models that predict the next token
  const isEncoder = kind === 'encoder' || kind === 'encoder-decoder';
  const optimizer = train.optimizer ?? (isEncoder ? 'adamw' : 'muon');
  const muon = optimizer === 'muon';
  const learningRate = train.learningRate ?? LEARNING_RATES[optimizer];
  return {
    objective: train.objective,
    steps: train.steps,
    minutes: train.minutes ?? (train.steps === undefined ? DEFAULT_MINUTES : undefined),
    batchSize: train.batchSize ?? 8,
    sequenceLength: train.sequenceLength ?? contextLength,
    gradientAccumulation: train.gradientAccumulation ?? 1,
    optimizer,
    learningRate,
    embeddingLearningRate: train.embeddingLearningRate ?? (muon ? 0.2 : learningRate),
    headLearningRate: train.headLearningRate ?? (muon ? 0.004 : learningRate),
    vectorLearningRate: train.vectorLearningRate ?? (muon ? MUON_VECTOR_RATE : learningRate),
    weightDecay: train.weightDecay ?? (optimizer === 'adamw' ? 0.1 : 0),
    schedule: train.schedule ?? 'wsd',
    decayFraction: train.decayFraction ?? DECAY_FRACTION,
    warmupSteps: train.warmupSteps ?? 20,
    clipNorm: train.clipNorm ?? 1,
    evalEvery: train.evalEvery ?? 100,
    checkpointEvery: train.checkpointEvery ?? 100,
    keepCheckpoints: train.keepCheckpoints ?? 2,
    keepBest: train.keepBest ?? 0,
    samplePrompt: train.samplePrompt,
    sampleTokens: train.sampleTokens ?? 32,
    patience: train.patience,
    labelSmoothing: train.labelSmoothing ?? 0,
    averageDecay: train.averageDecay ?? 0,
    packDocuments: train.packDocuments ?? false,
    recompute: train.recompute ?? false,
    memoryLimit: train.memoryLimit,
    device: train.device ?? 'cpu',
    seed: train.seed ?? 1,
  };
}

function resolveServe(
  serve: Given<'serve'>,
  { name, isDatabaseHere }: { readonly name: string; readonly isDatabaseHere: boolean },
): ProjectConfig['serve'] {
  return {
    host: serve.host ?? '127.0.0.1',
    port: serve.port ?? 6628,
    modelId: serve.modelId ?? name,
    maxConcurrent: serve.maxConcurrent ?? 8,
    queueLimit: serve.queueLimit ?? 64,
    drainNotice: serve.drainNotice ?? 0,
    drainGrace: serve.drainGrace ?? 10,
    requestsPerMinute: serve.requestsPerMinute,
    tokensPerMinute: serve.tokensPerMinute,
    concurrentRequests: serve.concurrentRequests,
    reserveAhead: serve.reserveAhead ?? isDatabaseHere,
    upstreams: serve.upstreams,
    embeddings: serve.embeddings,
    moderation: serve.moderation,
    publicUrl: serve.publicUrl,
    trustProxy: serve.trustProxy ?? false,
    oidcIssuer: serve.oidcIssuer,
    oidcClientId: serve.oidcClientId,
    oidcDomains: serve.oidcDomains,
    moderationFlags: serve.moderationFlags,
    moderationThreshold: serve.moderationThreshold ?? 0.5,
    responseCache: serve.responseCache ?? 0,
    promptLogDays: serve.promptLogDays ?? 0,
    log: serve.log,
    logLevel: serve.logLevel ?? 'info',
    threads: serve.threads ?? availableParallelism(),
    quantization: serve.quantization ?? 'none',
    prefixCache: serve.prefixCache ?? 0.25,
    device: serve.device ?? 'cpu',
  };
}

function resolveBusiness(business: Given<'business'>): ProjectConfig['business'] {
  const machineHourlyPrice = business.machineHourlyPrice ?? '0.10';
  return {
    machineHourlyPrice,
    nodeHourlyPrice: business.nodeHourlyPrice ?? machineHourlyPrice,
    inputPricePerMillion: business.inputPricePerMillion ?? '0.50',
    outputPricePerMillion: business.outputPricePerMillion ?? '1.50',
  };
}

/** The rules that tie two fields together. */
function checkTogether({ model, train }: ProjectConfig, source: ConfigSource): void {
  if (model.heads % model.keyValueHeads !== 0) {
    throw configProblem(
      'model.keyValueHeads',
      `a divisor of model.heads (${model.heads})`,
      model.keyValueHeads,
      source,
    );
  }
  if (model.headSize % 2 !== 0) {
    throw configProblem('model.headSize', 'an even number, for the rotary positions', model.headSize, source);
  }
  if (train.sequenceLength > model.contextLength) {
    const expected = `at most model.contextLength (${model.contextLength})`;
    throw configProblem('train.sequenceLength', expected, train.sequenceLength, source);
  }
}
