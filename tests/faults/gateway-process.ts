/**
 * A gateway in a process of its own, for the fault campaign. It waits for one message that says how it is to behave,
 * answers with its address, and obeys further ones that move its clock. Faults live here and around the database's
 * lanes, never in the product: it can kill itself at a named step, and disturb settlements.
 */
import fs, { mkdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../../src/base/clock.js';
import { messageOf } from '../../src/base/errors.js';
import { type Database, type Sql, openDatabase } from '../../src/company/store/database.js';
import { startGateway } from '../../src/company/gateway/start-gateway.js';
import type { TextEngine } from '../../src/lab/generate/engine.js';
import { queueFull, scriptedEngine } from '../scripted-engine.js';
import type { ChildConfig, ChildMessage, ChildReply, Memory, Step } from './gateway-child.js';

const config = await new Promise<ChildConfig>((resolve) => process.once('message', resolve));
if (config.timeZone !== undefined) process.env['TZ'] = config.timeZone;

let clockOffsetMs = config.clockOffsetMs;
const clock: Clock = { now: () => systemClock.now() + clockOffsetMs, monotonic: () => systemClock.monotonic() };

let countdown = config.killAt?.count ?? 0;
/** The process ends here, as by `kill -9`, when the step's turn has come: nothing is written, nothing is closed. */
function pass(step: Step): void {
  if (config.killAt?.step !== step || --countdown > 0) return;
  process.kill(process.pid, 'SIGKILL');
  // the signal is on its way: not one more instruction of the gateway
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const { settlements } = config;

/** The journal's records reach the disk by this call, and by no other. */
const { fdatasync } = fs;
function watchedSync(descriptor: number, done: (error: NodeJS.ErrnoException | null) => void): void {
  pass('journal-written');
  fdatasync(descriptor, (error) => {
    pass('journal-synced');
    done(error);
  });
}
fs.fdatasync = Object.assign(watchedSync, { __promisify__: fdatasync.__promisify__ });
syncBuiltinESMExports();

/** Watches what a lane is asked; the statement's name tells what it does. */
function watched(sql: Sql): Sql {
  return new Proxy(sql, {
    apply(target, self, given: unknown[]) {
      const run = (): Promise<unknown> => Promise.resolve(Reflect.apply(target, self, given));
      const text = Array.isArray(given[0]) ? given[0].join('?') : '';
      if (text.includes('moat.admit')) return around(run, ['admit-asked', 'admit-sent', 'admitted']);
      if (text.includes('moat.settle'))
        return disturbed(() => around(run, ['settle-asked', 'settle-sent', 'settled']), given, run);
      return Reflect.apply(target, self, given);
    },
  });
}

async function around(run: () => Promise<unknown>, [asked, sent, done]: readonly [Step, Step, Step]): Promise<unknown> {
  pass(asked);
  const running = run();
  // given to the socket in this turn of the event loop, answered in a later one
  setImmediate(() => pass(sent));
  const result = await running;
  pass(done);
  return result;
}

async function disturbed(
  settle: () => Promise<unknown>,
  given: unknown[],
  repeat: () => Promise<unknown>,
): Promise<unknown> {
  if (settlements.delayMs > 0) await sleep(Math.random() * settlements.delayMs);
  const result = await settle();
  if (settlements.twice) await repeat();
  if (settlements.keepCopies) keepCopies(given);
  return result;
}

/** As if an earlier process had left them: they will be settled again, later, and in another order. */
function keepCopies(given: unknown[]): void {
  const folder = path.join(config.projectDirectory, '.moat', 'unsettled');
  mkdirSync(folder, { recursive: true });
  const records: { request_id: string }[] = JSON.parse(String(given[1]));
  for (const record of records) writeFileSync(path.join(folder, `${record.request_id}.json`), JSON.stringify(record));
}

function stepping(engine: TextEngine): TextEngine {
  return {
    ...engine,
    async *generate(request, signal) {
      for await (const event of engine.generate(request, signal)) {
        pass(event.type === 'done' ? 'generated' : 'token');
        yield event;
      }
    },
  };
}

const contextLength = 4096;
const failAt = { token: 5, error: new Error('the engine died') };
const engines = [
  scriptedEngine({ modelId: 'quick', contextLength }),
  scriptedEngine({ modelId: 'slow', contextLength, tokenMs: 4 }),
  scriptedEngine({ modelId: 'dying', contextLength, failAt }),
  scriptedEngine({ modelId: 'full', contextLength, failAt: { token: 0, error: queueFull() } }),
].map(stepping);

function memoryNow(): Memory {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, externalBytes: external, rssBytes: rss };
}

const say = (message: ChildReply): void => void process.send?.(message);
try {
  const opened = await openDatabase({ projectDirectory: config.projectDirectory, databaseUrl: config.databaseUrl });
  const database: Database = { ...opened, lane: () => watched(opened.lane()) };
  const gateway = await startGateway({
    database,
    clock,
    projectDirectory: config.projectDirectory,
    port: 0,
    // nearly all keys that can pay for it ask often then
    reserveAheadAfter: 2,
    engines: new Map(engines.map((engine) => [engine.modelId, engine])),
    onProblem: (error) => say({ type: 'problem', line: messageOf(error) }),
  });
  process.on('message', (message: ChildMessage) => {
    if (message.type === 'clock') clockOffsetMs = message.offsetMs;
    else if (message.type === 'memory') say({ type: 'memory', memory: memoryNow() });
    else void close();
  });
  const close = async (): Promise<void> => {
    await gateway.close(5000);
    await database.close();
    process.exit(0);
  };
  say({ type: 'ready', url: gateway.url });
} catch (error) {
  say({ type: 'failed', line: messageOf(error) });
  process.exitCode = 1;
  process.disconnect();
}
