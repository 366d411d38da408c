/** The load generator of the group `gateways`, in a process of its own: connections that ask without a pause. */
import { answerQuestions } from './child.js';
import { type WireRequest, openWire, requestBytes } from './wire-client.js';

export interface SaturatingLoad extends WireRequest {
  readonly connections: number;
  readonly durationMs: number;
}

/** Answers a second. @throws when one of them is not 200 */
async function saturate(load: SaturatingLoad): Promise<number> {
  const request = requestBytes(load);
  const wires = await Promise.all(Array.from({ length: load.connections }, () => openWire(load.port)));
  const started = performance.now();
  let answers = 0;
  try {
    await Promise.all(
      wires.map(async (wire) => {
        while (performance.now() - started < load.durationMs) {
          await wire.ask(request);
          answers++;
        }
      }),
    );
    return (answers * 1000) / (performance.now() - started);
  } finally {
    for (const wire of wires) wire.close();
  }
}

answerQuestions(saturate);
