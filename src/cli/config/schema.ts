import { z } from 'zod';
import { piiPolicies } from '../../lab/data/pii.js';
import { qualitySets } from '../../lab/data/quality.js';
import { quantizations } from '../../lab/generate/weight-quantization.js';
import { devices } from '../../lab/runtime/devices.js';
import { splitNames, tokenizerModels } from '../../lab/tokenizer/tokenizer-kinds.js';
import {
  AMOUNT,
  CURRENCY,
  fieldFacts,
  LANGUAGES,
  OBJECTIVE,
  type FieldFacts,
  oneOf,
  POSTGRES_URL,
  PROMPTS,
  realNumber,
  text,
  TIME_ZONE,
  WEB_URL,
  WEIGHTS,
  wholeNumber,
  words,
  yesOrNo,
} from './fields.js';

/**
 * The limits of every field of `moat.config.ts`, and the option that overrides it. Strict: a field that is not here is
 * refused. Meaning and defaults are told in `types.ts`, which the compiler holds against this.
 */
const sections = {
  data: {
    path: text(words('PATH', 4096), ['data', 'folder or file to read']),
    minCharacters: wholeNumber(0, 1_000_000, ['min-characters', 'drop documents shorter than this']),
    nearDuplicates: realNumber(0, 1, ['near-duplicates', 'drop texts this alike to an earlier one; 0 for none']),
    repeatedPassages: wholeNumber(0, 100_000, [
      'repeated-passages',
      'cut passages this long that stood before; 0 for none',
    ]),
    languages: text(LANGUAGES, ['languages', 'keep documents in these languages only']),
    allowLicences: text(words('LICENCES', 4096), ['allow-licences', 'SPDX names to train on; others are dropped']),
    denyLicences: text(words('LICENCES', 4096), ['deny-licences', 'SPDX names not to train on, such as GPL-*']),
    format: text(words('NAME', 40), ['format', 'format of every text, where it is not seen']),
    textField: text(words('NAME', 200), ['text-field', 'field of a record that holds its text']),
    quality: oneOf(qualitySets, ['quality', 'rules to hold texts to; web: all of Gopher, C4, FineWeb'], 'SET'),
    testSets: text(words('PATH', 4096), ['test-sets', 'tests that must not be trained on']),
    personalData: oneOf(piiPolicies, ['personal-data', 'email addresses, phone and card numbers, keys …'], 'POLICY'),
    validationFraction: realNumber(0.001, 0.4, ['validation-fraction', 'share of documents that tell when to stop']),
    testFraction: realNumber(0.001, 0.4, ['test-fraction', 'share of documents that measure the model']),
    mixtureTemperature: realNumber(1, 100, ['mixture-temperature', 'above 1: more of the groups that have little']),
    mixtureWeights: text(WEIGHTS, ['mixture-weights', 'more or less of a group, such as en=2,zh-Hans=1']),
    mixtureBy: oneOf(['language', 'source'], ['mixture-by', 'what the groups are: language or source'], 'WHAT'),
    maxRepeats: wholeNumber(1, 1000, ['max-repeats', 'the most often one document is trained on in a mixture']),
    seed: wholeNumber(0, 0xffff_ffff, ['data-seed', 'decides which documents are held out']),
  },
  tokenizer: {
    vocabularySize: wholeNumber(257, 262_144, ['vocabulary-size', 'tokens the model knows']),
    model: oneOf(tokenizerModels, ['tokenizer-model', 'how tokens are learned'], 'NAME'),
    split: oneOf(splitNames, ['split', 'where texts are cut before tokens are learned'], 'NAME'),
  },
  model: {
    architecture: text(words('NAME', 64), ['architecture', 'family of the model, see moat models']),
    depth: wholeNumber(1, 64, ['depth', 'the one dial: sets layers, width and heads']),
    layers: wholeNumber(1, 256, ['layers', 'transformer blocks']),
    hiddenSize: wholeNumber(8, 16_384, ['hidden-size', 'width of the residual stream']),
    heads: wholeNumber(1, 256, ['heads', 'query heads']),
    keyValueHeads: wholeNumber(1, 256, ['key-value-heads', 'key and value heads']),
    headSize: wholeNumber(2, 512, ['head-size', 'width of one head, even']),
    intermediateSize: wholeNumber(8, 65_536, ['intermediate-size', 'width inside the feed-forward block']),
    contextLength: wholeNumber(8, 131_072, ['context-length', 'longest text in tokens']),
    tieWordEmbeddings: yesOrNo(['tie-word-embeddings', 'one table for reading and writing tokens']),
    dropout: realNumber(0, 0.9, ['dropout', 'share of hidden values dropped in training']),
    ropeTheta: realNumber(1, 1e9, ['rope-theta', 'base of the rotary positions']),
  },
  train: {
    objective: text(OBJECTIVE, ['objective', 'what is learned: causal, infill, masked …, with weights']),
    steps: wholeNumber(1, 100_000_000, ['steps', 'stop after this many optimizer steps']),
    minutes: realNumber(0.01, 525_600, ['minutes', 'stop after this many minutes']),
    batchSize: wholeNumber(1, 4096, ['batch-size', 'sequences in one pass']),
    sequenceLength: wholeNumber(8, 131_072, ['sequence-length', 'tokens in a training sequence']),
    gradientAccumulation: wholeNumber(1, 4096, ['gradient-accumulation', 'passes summed into one step']),
    optimizer: oneOf(['muon', 'adamw', 'adam', 'sgd'], ['optimizer', 'muon, adamw, adam or sgd'], 'NAME'),
    learningRate: realNumber(0, 10, ['learning-rate', 'for the block matrices']),
    embeddingLearningRate: realNumber(0, 10, ['embedding-learning-rate', 'for the embedding']),
    headLearningRate: realNumber(0, 10, ['head-learning-rate', 'for the output head']),
    vectorLearningRate: realNumber(0, 10, ['vector-learning-rate', 'for gains and biases']),
    weightDecay: realNumber(0, 10, ['weight-decay', 'decoupled decay of the matrices']),
    schedule: oneOf(['wsd', 'cosine'], ['schedule', 'how the learning rate moves']),
    decayFraction: realNumber(0, 1, ['decay-fraction', 'with wsd: the last part of the run, in which the rate falls']),
    warmupSteps: wholeNumber(0, 1_000_000, ['warmup-steps', 'steps until the full learning rate']),
    clipNorm: realNumber(0, 1e6, ['clip-norm', 'largest gradient norm; 0 for no limit']),
    evalEvery: wholeNumber(1, 100_000_000, ['eval-every', 'steps between measurements']),
    checkpointEvery: wholeNumber(1, 100_000_000, ['checkpoint-every', 'steps between checkpoints']),
    keepCheckpoints: wholeNumber(1, 1000, ['keep-checkpoints', 'checkpoints to keep']),
    keepBest: wholeNumber(0, 1000, ['keep-best', 'checkpoints to keep for their validation loss']),
    samplePrompt: text(PROMPTS, ['sample-prompt', 'a text to go on with at every measurement; again for more']),
    sampleTokens: wholeNumber(0, 512, ['sample-tokens', 'tokens that are written then; 0 for none']),
    patience: wholeNumber(1, 100_000_000, ['patience', 'stop after so many steps without a lower validation loss']),
    labelSmoothing: realNumber(0, 0.9, ['label-smoothing', "share of a target's probability spread over all tokens"]),
    averageDecay: realNumber(0, 0.999999, ['average-decay', 'keep a moving average of the weights; 0 for none']),
    packDocuments: yesOrNo(['pack-documents', 'tokens see their own document only']),
    recompute: yesOrNo(['recompute', 'less memory, more time: compute blocks twice']),
    memoryLimit: realNumber(0.05, 100_000, ['memory-limit', 'gigabytes that training may take']),
    device: oneOf(devices, ['device', devices.join(', ')], 'NAME'),
    seed: wholeNumber(0, 0xffff_ffff, ['seed', 'starting weights and order of the batches']),
  },
  serve: {
    host: text(words('HOST', 255), ['host', 'address to listen on']),
    port: wholeNumber(0, 65_535, ['port', 'port to listen on; 0 takes a free one']),
    modelId: text(words('ID', 128), ['model-id', "the model's name in the API"]),
    maxConcurrent: wholeNumber(1, 1024, ['max-concurrent', 'answers generated at the same time']),
    queueLimit: wholeNumber(0, 100_000, ['queue-limit', 'requests that may wait']),
    drainNotice: realNumber(0, 3600, ['drain-notice', 'seconds to serve on at the end, while /readyz says no']),
    drainGrace: realNumber(0, 86_400, ['drain-grace', 'seconds that answers may take to finish at the end']),
    requestsPerMinute: wholeNumber(1, 100_000_000, ['requests-per-minute', 'requests of a key in a minute']),
    tokensPerMinute: wholeNumber(1, 1_000_000_000_000, ['tokens-per-minute', 'tokens of a key in a minute']),
    concurrentRequests: wholeNumber(1, 1_000_000, ['concurrent-requests', 'requests of a key at one time']),
    reserveAhead: yesOrNo(['reserve-ahead', 'whether keys that ask often have credit reserved ahead of requests']),
    upstreams: text(words('FILE', 4096), ['upstreams', 'models that run elsewhere']),
    embeddings: text(words('FOLDER', 4096), ['embeddings', 'an encoder, to sell vectors of']),
    moderation: text(words('NAME', 200), ['moderation', 'a classification model for /v1/moderations']),
    publicUrl: text(WEB_URL, ['public-url', 'where the studio is reached from outside']),
    trustProxy: yesOrNo(['trust-proxy', 'whether a proxy writes X-Forwarded-For']),
    oidcIssuer: text(WEB_URL, ['oidc-issuer', 'provider to sign in to the studio with']),
    oidcClientId: text(words('ID', 500), ['oidc-client-id', 'the client id at that provider']),
    oidcDomains: text(words('DOMAINS', 4096), ['oidc-domains', 'email domains that may sign in that way']),
    moderationFlags: text(words('LABELS', 4096), ['moderation-flags', 'its labels that flag a text']),
    moderationThreshold: realNumber(0.01, 1, ['moderation-threshold', 'probability from which such a label counts']),
    responseCache: realNumber(0, 1_000_000, ['response-cache', 'megabytes for answers that may be asked again']),
    promptLogDays: wholeNumber(0, 3650, ['prompt-log-days', 'days that prompts and answers are stored']),
    log: text(words('FILE', 4096), ['log', 'a line of JSON for every request; stdout writes them there']),
    logLevel: oneOf(['info', 'warn', 'error'], ['log-level', 'what is logged: all, what failed, problems alone']),
    threads: wholeNumber(1, 1024, ['threads', 'threads for the engine']),
    quantization: oneOf(quantizations, ['quantization', 'store the weights in fewer bits while serving']),
    prefixCache: realNumber(0, 100_000, ['prefix-cache', 'gigabytes for prompts that may come again']),
    device: oneOf(devices, ['serve-device', devices.join(', ')], 'NAME'),
  },
  business: {
    machineHourlyPrice: text(AMOUNT, ['machine-hourly-price', 'what an hour of this machine costs you']),
    nodeHourlyPrice: text(AMOUNT, ['node-hourly-price', 'what an hour of one machine of a cluster costs you']),
    inputPricePerMillion: text(AMOUNT, ['input-price', 'price of a million input tokens']),
    outputPricePerMillion: text(AMOUNT, ['output-price', 'price of a million output tokens']),
  },
  database: {
    url: text(POSTGRES_URL, ['database-url', 'PostgreSQL to use instead of the one in the project']),
  },
};

const own = {
  name: text(words('NAME', 64), ['name', "the project's name"]),
  currency: text(CURRENCY, ['currency', 'what you charge and pay in']),
  timeZone: text(TIME_ZONE, ['time-zone', 'where your business day begins']),
};

/** `z.strictObject` with every field optional; what is not an object at all is said in the same words. */
function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z
    .strictObject(shape, { error: (issue) => (issue.code === 'invalid_type' ? 'an object' : undefined) })
    .partial();
}

export const configSchema = z
  .strictObject(
    {
      schemaVersion: z.literal(1, '1, the only version so far (a newer Moat wrote this file? then upgrade moatlm)'),
      ...own,
      data: section(sections.data),
      tokenizer: section(sections.tokenizer),
      model: section(sections.model),
      train: section(sections.train),
      serve: section(sections.serve),
      business: section(sections.business),
      database: section(sections.database),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? 'an object as the default export' : undefined) },
  )
  .partial();

/** A configuration whose fields are each in order; nothing is filled in yet. */
export type GivenConfig = z.output<typeof configSchema>;

/** A field that the command line can override: its path ("train.steps") and what is known about it. */
export interface ConfigField extends FieldFacts {
  readonly path: string;
  /** Whether a value, read from the command line, may stand here. */
  accepts(value: unknown): boolean;
}

/** Every field of the configuration, in the order of the schema. */
export const configFields: readonly ConfigField[] = [
  ...factsOf(own, ''),
  ...Object.entries(sections).flatMap(([name, shape]) => factsOf(shape, `${name}.`)),
];

function factsOf(shape: Record<string, z.ZodType>, prefix: string): ConfigField[] {
  return Object.entries(shape).map(([name, schema]) => {
    const facts = fieldFacts.get(schema);
    if (facts === undefined) throw new Error(`configuration field ${prefix}${name} has no facts`);
    return { ...facts, path: `${prefix}${name}`, accepts: (value) => schema.safeParse(value).success };
  });
}
