/**
 * `moat.config.ts`: what a founder may say about a project. Every field may be left out; `schema.ts` holds the limits,
 * `resolve.ts` the defaults. The same fields can be given on the command line (`moat train --steps 300`, or
 * `--set train.steps=300`).
 */
import type { Quantization } from '../../lab/generate/weight-quantization.js';
import type { PiiPolicy } from '../../lab/data/pii.js';
import type { QualitySet } from '../../lab/data/quality.js';
import type { Device } from '../../lab/runtime/devices.js';
import type { SplitName, TokenizerModel } from '../../lab/tokenizer/tokenizer-kinds.js';

export interface MoatConfig {
  /** The version of this file's form. Moat writes it, so that later versions can read older files. */
  schemaVersion?: 1;
  /** The project's name, as customers and invoices show it. Default: the folder's name. */
  name?: string;
  /** What you charge and pay in: an ISO 4217 code. Default "USD". */
  currency?: string;
  /** Where your business day begins: an IANA zone such as "Asia/Shanghai". Default "UTC". */
  timeZone?: string;
  data?: DataConfig;
  tokenizer?: TokenizerConfig;
  model?: ModelConfig;
  train?: TrainConfig;
  serve?: ServeConfig;
  business?: BusinessConfig;
  database?: DatabaseConfig;
}

export interface DataConfig {
  /** The folder (or file) to read, relative to the project. Default "data". */
  path?: string;
  /** Documents shorter than this many characters are dropped. Default 32. */
  minCharacters?: number;
  /** Documents that share at least this much of their 5-grams with an earlier one are dropped; 0 drops none. Default 0.7. */
  nearDuplicates?: number;
  /** Passages of at least this many characters (50 or more) that stood in an earlier document are cut; 0 cuts none. Default 0. */
  repeatedPassages?: number;
  /**
   * Licences that may be trained on, by SPDX: "MIT, Apache-2.0, CC-BY-*". Texts with another, or with none that is known, are dropped;
   * add "unknown" to keep those. Default: any, and none.
   */
  allowLicences?: string;
  /** Licences that may not be trained on, by SPDX: "GPL-*, CC-BY-NC-*". */
  denyLicences?: string;
  /** The format of every text ("csv", "html" …), where Moat takes it for another. Default: what it looks like. */
  format?: string;
  /** The field of a JSON record, or the column of a table, that holds the text. Default: the usual names and shapes. */
  textField?: string;
  /**
   * Rules of quality, by their published names: "none", "basic" (what is broken at any length: repetition, no letters), or "web" (all
   * of Gopher, C4 and FineWeb, which drop short texts). Default "basic".
   */
  quality?: QualitySet;
  /** A file or folder with the texts of tests, relative to the project: documents that share 13 words in a row with one are dropped. */
  testSets?: string;
  /**
   * Email addresses, phone numbers, identity and bank card numbers, IBANs, public IP addresses and keys: "keep" them, "mask"
   * them as `[email]` …, or "drop" the documents that hold some. Default "mask".
   */
  personalData?: PiiPolicy;
  /** Tags of the languages to keep, such as "en, zh-Hans"; the report names those found. Default: all. */
  languages?: string;
  /** The share of documents that tell training when to stop and which checkpoint is best. Default 0.02. */
  validationFraction?: number;
  /** The share of documents that measure the finished model, and nothing else. Default 0.05. */
  testFraction?: number;
  /**
   * How training documents are mixed: a group's share goes with the 1/T-th power of its bytes. 1 leaves it as it is, 3 gives
   * languages that have little a good deal more. Default 1.
   */
  mixtureTemperature?: number;
  /** Weights of groups on top of that, such as "en=2, zh-Hans=1"; groups not named have 1. */
  mixtureWeights?: string;
  /** What the groups are: the documents' language, or the first folder (or the file) they come from. Default "language". */
  mixtureBy?: 'language' | 'source';
  /** The most often one document is repeated in a mixture. Default 4. */
  maxRepeats?: number;
  /** Decides which documents are held out. Default 1. */
  seed?: number;
}

export interface TokenizerConfig {
  /** How many tokens the model knows, the 256 bytes included. Default 4096. */
  vocabularySize?: number;
  /**
   * "bpe": byte-level BPE, as GPT and Llama 3 have it. "unigram": more even tokens, slower to learn. "wordpiece": for encoders such as
   * BERT; what it does not know it loses. Default "bpe", with an encoder "wordpiece".
   */
  model?: TokenizerModel;
  /** Where texts are cut before tokens are learned: "gpt2", or "llama3" (digits in threes, contractions in capitals). Default "gpt2". */
  split?: SplitName;
}

/** The model's shape. Say `depth` alone, and the rest follows from it. */
export interface ModelConfig {
  /** One that predicts tokens: "qwen3", "llama", "gpt2" …; `moat models` lists them. Default "qwen3". */
  architecture?: string;
  /** The one dial: more is smarter, slower and dearer. Sets layers, width and heads. Default 6. */
  depth?: number;
  /** Default: `depth`. */
  layers?: number;
  /** Width of the residual stream. Default: about 43 × depth, in whole heads. */
  hiddenSize?: number;
  /** Query heads. Default: hiddenSize / headSize. */
  heads?: number;
  /** Key and value heads, a divisor of `heads`; fewer make decoding cheaper. Default: `heads`. */
  keyValueHeads?: number;
  /** Width of one head, even. Default 64. */
  headSize?: number;
  /** Width inside the feed-forward block. Default: 8/3 × hiddenSize, rounded up to 64. */
  intermediateSize?: number;
  /** The longest text, in tokens, that the model can look at. Default 256. */
  contextLength?: number;
  /** Whether reading and writing tokens share one table. Default false. */
  tieWordEmbeddings?: boolean;
  /** The share of hidden values that is dropped in training. Default 0. */
  dropout?: number;
  /** Base of the rotary positions. Default 10000. */
  ropeTheta?: number;
}

export interface TrainConfig {
  /**
   * What is learned from text: "causal" (the next token), "infill" (a gap, from both sides), "order" (sentences put right), for encoders "masked",
   * "membership", "order", "next-sentence" and "contrastive"; several with weights, "causal=0.7, infill=0.3". Default: by the architecture.
   */
  objective?: string;
  /** Stop after this many optimizer steps. */
  steps?: number;
  /** Stop after this many minutes. Whichever of the two comes first; default, when neither is given: 10 minutes. */
  minutes?: number;
  /** Sequences in one pass. Default 8. */
  batchSize?: number;
  /** Tokens in a sequence, at most `model.contextLength`. Default: that. */
  sequenceLength?: number;
  /** Passes summed into one step: a larger batch without more memory. Default 1. */
  gradientAccumulation?: number;
  /** "muon" trains the block matrices with Muon and the rest with AdamW. Default "muon". */
  optimizer?: 'muon' | 'adamw' | 'adam' | 'sgd';
  /** For the block matrices. Default 0.02 with Muon, 0.002 with AdamW and Adam, 0.1 with SGD. */
  learningRate?: number;
  /** For the embedding. Default 0.2 beside Muon, otherwise `learningRate`. */
  embeddingLearningRate?: number;
  /** For the output head. Default 0.004 beside Muon, otherwise `learningRate`. */
  headLearningRate?: number;
  /** For gains and biases. Default 0.01 beside Muon, otherwise `learningRate`. */
  vectorLearningRate?: number;
  /** Weight decay of the matrices, decoupled with Muon and AdamW. Default 0.1 with AdamW, otherwise 0. */
  weightDecay?: number;
  /** "wsd": warm up, hold, fall linearly; "cosine": warm up, fall along a half cosine. Default "wsd". */
  schedule?: 'wsd' | 'cosine';
  /** With "wsd": the last part of the run, in which the rate falls. Default 0.5. */
  decayFraction?: number;
  /** Default 20. */
  warmupSteps?: number;
  /** Gradients with a larger norm are scaled down to it; 0 turns this off. Default 1. */
  clipNorm?: number;
  /** Measure on the validation documents every so many steps. Default 100. */
  evalEvery?: number;
  /** Save every so many steps. Default 100. */
  checkpointEvery?: number;
  /** How many checkpoints to keep, the newest. Default 2. */
  keepCheckpoints?: number;
  /** How many more to keep, those of the lowest validation loss; each checkpoint is then measured. Default 0. */
  keepBest?: number;
  /**
   * At every measurement the model goes on with this text, and studio and terminal show how; several are written one a line (a break
   * within one as `\\n`). Default: how a validation document begins.
   */
  samplePrompt?: string;
  /** How many tokens it writes then; 0 for none. Default 32. */
  sampleTokens?: number;
  /** Stop after this many steps without a lower validation loss. Default: never. */
  patience?: number;
  /** The share of each target's probability that is spread over the vocabulary. Default 0. */
  labelSmoothing?: number;
  /** Keep a moving average of the weights with this decay (0.99, say); it is what is measured, saved and served. Default 0: none. */
  averageDecay?: number;
  /** Whether tokens see only their own document in a window that holds several. Default false. */
  packDocuments?: boolean;
  /** Compute blocks again in the backward pass instead of keeping what they computed: less memory, more time. Default false. */
  recompute?: boolean;
  /** Gigabytes that training may take: a batch that does not fit is split. Default: what is free when training starts. */
  memoryLimit?: number;
  /** What ONNX Runtime computes on. Default "cpu". */
  device?: Device;
  /** Starting weights and order of the batches. Default 1. */
  seed?: number;
}

export interface ServeConfig {
  /** The address to listen on. Default "127.0.0.1": this machine only. */
  host?: string;
  /** Default 6628 ("moat" on a telephone's keys). */
  port?: number;
  /** The model's name in the API. Default: the project's name. */
  modelId?: string;
  /** Answers generated at the same time. Default 8. */
  maxConcurrent?: number;
  /** Requests that may wait; more are refused with 429. Default 64. */
  queueLimit?: number;
  /** Seconds that it goes on serving after it was told to end, while /readyz says no: for a load balancer to see it. Default 0. */
  drainNotice?: number;
  /** Seconds that answers may then take to finish before they are cut off. Default 10. */
  drainGrace?: number;
  /** Requests a key may make in a minute, at all gateways of the database together. Default: as many as come. */
  requestsPerMinute?: number;
  /** Tokens, prompts and the most that answers may have, that a key may ask for in a minute. Default: as many as come. */
  tokensPerMinute?: number;
  /** Requests of a key that may be open at one time, at all gateways of the database together. Default: as many as there is room for. */
  concurrentRequests?: number;
  /**
   * Whether keys that ask often have credit reserved ahead of requests, and their answers end once their account is in a journal on this
   * machine's disk: faster, and on the books a moment later. Default: yes where the database is the built-in one, on the same disk.
   */
  reserveAhead?: boolean;
  /** A JSON file of models that run elsewhere, relative to the project (docs/UPSTREAMS.md). Default "upstreams.json", where there is one. */
  upstreams?: string;
  /** The folder of an encoder (BERT, sentence-transformers) to sell vectors of, relative to the project. Default: none. */
  embeddings?: string;
  /** The name of a model of `moat task classification` that answers /v1/moderations. Default: none. */
  moderation?: string;
  /** Where the studio is reached from outside, such as "https://studio.acme.com" behind a proxy with TLS. Default: as it listens. */
  publicUrl?: string;
  /** Whether that proxy writes X-Forwarded-For, from which addresses are then taken. Default false. */
  trustProxy?: boolean;
  /** The issuer of an OpenID Connect provider to sign in to the studio with; its client secret is in MOAT_OIDC_CLIENT_SECRET. Default: none. */
  oidcIssuer?: string;
  /** The client id at that provider. */
  oidcClientId?: string;
  /** Domains of the email addresses that may sign in that way, such as "acme.com, acme.de". */
  oidcDomains?: string;
  /** Labels of that model which flag a text: "insult, spam". Needed with `moderation`. */
  moderationFlags?: string;
  /** Probability from which such a label counts. Default 0.5. */
  moderationThreshold?: number;
  /** Megabytes for answers that would be the same again: temperature 0, or a seed. Default 0: none are kept. */
  responseCache?: number;
  /** Days that prompts and answers are stored, personal data masked. Default 0: never. */
  promptLogDays?: number;
  /** A file to which a line of JSON is written for every request, relative to the project; "stdout" writes them there. Default: none. */
  log?: string;
  /** "info": all; "warn": what the server could not do; "error": problems alone. Default "info". */
  logLevel?: 'info' | 'warn' | 'error';
  /** Threads for the engine. Default: the processors this machine grants. */
  threads?: number;
  /** Weights in fewer bits while the model is served: less memory and faster answers, slightly less exact. Default "none". */
  quantization?: Quantization;
  /** Gigabytes for the beginnings of prompts that may come again (system prompts, conversations). Default 0.25; 0 keeps none. */
  prefixCache?: number;
  /** What computes: see `train.device`. Default "cpu". */
  device?: Device;
}

/** Prices, as decimal strings in the project's currency, because money is never a float. */
export interface BusinessConfig {
  /** What one hour of this machine costs you. Default "0.10". */
  machineHourlyPrice?: string;
  /** What one hour of one machine of a cluster costs you, where runs are trained on one. Default: `machineHourlyPrice`. */
  nodeHourlyPrice?: string;
  /** What you charge for a million input tokens. Default "0.50". */
  inputPricePerMillion?: string;
  /** What you charge for a million output tokens. Default "1.50". */
  outputPricePerMillion?: string;
}

export interface DatabaseConfig {
  /** A PostgreSQL address. Default: the environment's DATABASE_URL, or else a database inside the project. */
  url?: string;
}

type Filled<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

type DataWithoutDefault =
  'allowLicences' | 'denyLicences' | 'format' | 'languages' | 'mixtureWeights' | 'testSets' | 'textField';

type TrainWithoutDefault = 'objective' | 'steps' | 'minutes' | 'samplePrompt' | 'patience' | 'memoryLimit';

/** The configuration a command sees: every default filled in, every rule checked. */
type ServeWithoutDefault =
  | 'requestsPerMinute'
  | 'tokensPerMinute'
  | 'concurrentRequests'
  | 'upstreams'
  | 'embeddings'
  | 'moderation'
  | 'log'
  | 'moderationFlags'
  | 'publicUrl'
  | 'oidcIssuer'
  | 'oidcClientId'
  | 'oidcDomains';

export interface ProjectConfig {
  readonly schemaVersion: 1;
  readonly name: string;
  readonly currency: string;
  readonly timeZone: string;
  readonly data: Filled<Omit<DataConfig, DataWithoutDefault>> & {
    readonly [Field in DataWithoutDefault]: string | undefined;
  };
  readonly tokenizer: Filled<TokenizerConfig>;
  readonly model: Filled<ModelConfig>;
  readonly train: Filled<Omit<TrainConfig, TrainWithoutDefault>> & {
    /** undefined: as the architecture usually learns. */
    readonly objective: string | undefined;
    /** undefined: bounded by `minutes` alone. */
    readonly steps: number | undefined;
    /** undefined: bounded by `steps` alone. */
    readonly minutes: number | undefined;
    /** undefined: how a validation document begins. */
    readonly samplePrompt: string | undefined;
    /** undefined: never stops early. */
    readonly patience: number | undefined;
    /** Gigabytes; undefined: what is free. */
    readonly memoryLimit: number | undefined;
  };
  readonly serve: Filled<Omit<ServeConfig, ServeWithoutDefault>> & {
    /** undefined: as many as come; nothing of the kind. */
    readonly [Field in ServeWithoutDefault]: ServeConfig[Field] | undefined;
  };
  readonly business: Filled<BusinessConfig>;
  /** undefined: the database inside the project. */
  readonly database: { readonly url: string | undefined };
}
