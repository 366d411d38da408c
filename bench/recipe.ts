/**
 * Group `recipe`: time to one held-out loss on the demo's corpus, our recipe against nanoGPT's on PyTorch with bfloat16
 * and torch.compile. Both sides train in turns, a chunk of steps each, on the same tokens, batch shape, depth and width,
 * and are measured in the same way. Only training steps are timed.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../src/base/clock.js';
import { openDemoProject } from '../src/cli/demo/project.js';
import { runDataStage } from '../src/cli/stages/data-stage.js';
import { filesOf } from '../src/cli/stages/project-files.js';
import { runConfigOf } from '../src/cli/stages/run-settings.js';
import { runTokenizerStage } from '../src/cli/stages/tokenizer-stage.js';
import type { Reporter } from '../src/cli/terminal/reporter.js';
import { findDemoCorpus } from '../src/lab/data/demo-corpus.js';
import { readCausalModel } from '../src/lab/models/registry.js';
import { type TokenSplit, readTokenSplit } from '../src/lab/tokenizer/shard-reader.js';
import { type Tokenizer, loadTokenizer } from '../src/lab/tokenizer/tokenizer.js';
import { documentNats } from '../src/lab/train/held-out-loss.js';
import { compileEvaluation } from '../src/lab/train/language-objective.js';
import { parameterFeeds } from '../src/lab/train/learner.js';
import { trainingParts } from '../src/lab/train/prepare-run.js';
import { learningRateScale } from '../src/lab/train/schedule.js';
import { meanLossOf } from '../src/lab/train/trainer.js';
import { initializeParameters } from '../src/lab/train/training-state.js';
import { type Peer, startPeer } from './peer.js';
import type { BenchResult } from './result.js';
import { THREADS } from './training.js';

/** Steps of the peer, and of ours: few enough that the last of them still reach its loss. */
const PEER_STEPS = 600;
const OUR_STEPS = Number(process.env['MOAT_RECIPE_STEPS'] ?? 150);
const PEER_RATE = Number(process.env['MOAT_RECIPE_PEER_RATE'] ?? 2e-3);
const TURNS = 10;
const BATCH = { batchSize: 8, sequenceLength: 256 };

interface Corpus {
  readonly folder: string;
  readonly tokenizer: Tokenizer;
  readonly train: TokenSplit;
  readonly heldOut: TokenSplit;
  readonly config: ReturnType<typeof runConfigOf>;
}

const quiet: Reporter = {
  stage: () => ({ progress: () => {}, done: () => {}, skipped: () => {}, failed: () => {} }),
  warn: () => {},
  note: () => {},
  close: () => {},
};

async function prepareCorpus(): Promise<Corpus> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-recipe-'));
  const project = await openDemoProject(folder, {}, []);
  const source = await findDemoCorpus();
  await runDataStage(project, { path: source.path, label: source.name, licence: source.licence }, quiet);
  await runTokenizerStage(project, quiet);
  const files = filesOf(project);
  const tokenizer = await loadTokenizer(files.tokenizer);
  const { vocabSize: vocabularySize, endOfText, pad, endOfTurn, hash } = tokenizer;
  const config = runConfigOf(project.config, { vocabularySize, endOfText, pad, endOfTurn, hash });
  const train = await readTokenSplit(files.shards, 'train', tokenizer);
  const heldOut = await readTokenSplit(files.shards, 'test', tokenizer);
  return { folder, tokenizer, train, heldOut, config };
}

async function prepareOurs({ config, train, heldOut, tokenizer, folder }: Corpus, seed: number) {
  const { model } = readCausalModel(config.model, 'recipe');
  const loop = { ...config.loop, ...BATCH };
  const job = {
    runDirectory: folder,
    resume: undefined,
    trainTokens: train.tokens,
    validation: undefined,
    files: {},
    tokenizerHash: tokenizer.hash,
    threads: THREADS,
    clock: systemClock,
  };
  const { store, learner, source } = await trainingParts({ ...job, config }, { ...config, loop, seed }, model);
  initializeParameters(store, seed);
  let taken = 0;
  return {
    /** Milliseconds of the next `count` steps. */
    async run(count: number): Promise<number> {
      const started = performance.now();
      for (let i = 0; i < count; i++) {
        const scale = learningRateScale(loop.schedule, taken + 1, taken / OUR_STEPS);
        await meanLossOf({ learner, source }, 1, ++taken);
        await learner.update(taken, scale);
      }
      return performance.now() - started;
    },
    /** Nats a token on the held-out documents. */
    async heldOutLoss(): Promise<number> {
      const program = await compileEvaluation(model, BATCH, { threads: THREADS });
      const stream = { ...heldOut, endOfText: tokenizer.endOfText };
      const nats = await documentNats(program, BATCH, parameterFeeds(store), stream);
      await program.close();
      return nats.reduce((sum, each) => sum + each, 0) / heldOut.tokens.length;
    },
    close: () => learner.close(),
  };
}

async function startNanoGpt({ folder, config, train, heldOut, tokenizer }: Corpus, seed: number) {
  const trainFile = path.join(folder, 'train.bin');
  const heldOutFile = path.join(folder, 'heldout.bin');
  await writeFile(trainFile, Uint16Array.from(train.tokens));
  await writeFile(heldOutFile, Uint16Array.from(heldOut.tokens));
  return startPeer('nanogpt.py', {
    trainFile,
    heldOutFile,
    endOfText: tokenizer.endOfText,
    vocabulary: tokenizer.vocabSize,
    width: config.model['hidden_size'],
    heads: config.model['num_attention_heads'],
    layers: config.model['num_hidden_layers'],
    ...BATCH,
    steps: PEER_STEPS,
    chunk: PEER_STEPS / TURNS,
    learningRate: PEER_RATE,
    threads: THREADS,
    seed,
  });
}

interface Side {
  ms: number;
  loss: number;
}

async function oneRound(
  corpus: Corpus,
  seed: number,
): Promise<{ ours: Side; peer: Side | undefined; peerName: string }> {
  const ours = await prepareOurs(corpus, seed);
  const peer: Peer | undefined = await startNanoGpt(corpus, seed);
  const mine: Side = { ms: 0, loss: Number.NaN };
  const theirs: Side = { ms: 0, loss: Number.NaN };
  for (let turn = 0; turn < TURNS; turn++) {
    mine.ms += await ours.run(OUR_STEPS / TURNS);
    if (peer === undefined) continue;
    const answer = await peer.run();
    theirs.ms += Number(answer['ms']);
    theirs.loss = Number(answer['loss'] ?? Number.NaN);
  }
  mine.loss = await ours.heldOutLoss();
  await ours.close();
  peer?.close();
  const round = {
    ours: mine,
    peer: peer && theirs,
    peerName: `nanoGPT style, PyTorch ${peer?.version ?? ''} bfloat16+compile`,
  };
  console.error(`seed ${seed}: ours ${JSON.stringify(mine)}, peer ${JSON.stringify(round.peer)}`);
  return round;
}

/** A round counts only when our loss is at most the peer's; otherwise the group fails rather than report a wrong ratio. */
export async function recipeGroup(): Promise<BenchResult[]> {
  const corpus = await prepareCorpus();
  try {
    const { ours, peer, peerName } = await oneRound(corpus, 1);
    if (peer !== undefined && !(ours.loss <= peer.loss)) {
      throw new Error(`${OUR_STEPS} steps reach ${ours.loss.toFixed(3)}, the peer ${peer.loss.toFixed(3)}: give more`);
    }
    return [
      {
        group: 'recipe',
        name: `time to the held-out loss of ${PEER_STEPS} nanoGPT steps (ours: ${OUR_STEPS} steps, loss ${ours.loss.toFixed(3)} against ${peer?.loss.toFixed(3) ?? 'none'})`,
        unit: 's',
        ours: ours.ms / 1000,
        peer: peer === undefined ? null : peer.ms / 1000,
        peerName: peer === undefined ? null : peerName,
        ratio: peer === undefined ? null : peer.ms / ours.ms,
        target: 1.8,
        runs: 1,
      },
    ];
  } finally {
    await rm(corpus.folder, { recursive: true, force: true });
  }
}
