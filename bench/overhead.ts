// What it costs to be told where the time goes: the embedded pipeline with nothing, with metrics, and with traces
// beside them. Other work on the machine disturbs all of them alike where they take turns, and processor time
// less than the clock; so what is compared is the processor time of the system's process.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Measure, median } from './figure.ts';
import { runPipeline } from './pipeline.ts';

const jobsMany = 1_500;
/** Of each, one after the other. */
const turns = 5;
/** Spans go a second after they are told, and what they cost is to be counted. */
const settleMs = 1_500;

const kinds = {
  nothing: { metrics: false, sampleRatio: 0 },
  metrics: { metrics: true, sampleRatio: 0 },
  someTraces: { metrics: true, sampleRatio: 0.1 },
  allTraces: { metrics: true, sampleRatio: 1 },
} as const;

type Kind = keyof typeof kinds;

const inOrder = Object.keys(kinds) as Kind[];

export const measureOverhead: Measure = async () => {
  const collector = await startCollector();
  const cpuMs: Record<Kind, number[]> = { nothing: [], metrics: [], someTraces: [], allTraces: [] };
  try {
    for (let turn = 0; turn < turns; turn += 1) {
      // Whoever is first in one turn is last in another.
      for (const kind of [
        ...inOrder.slice(turn % inOrder.length),
        ...inOrder.slice(0, turn % inOrder.length),
      ]) {
        const told = { ...kinds[kind], tracesTo: collector.url };
        cpuMs[kind].push((await runPipeline({ jobsMany, told }, settleMs)).cpuMsPerJob);
      }
    }
  } finally {
    await collector.close();
  }
  const row = (says: string, kind: Kind) => {
    const [own, nothing] = [median(cpuMs[kind]), median(cpuMs.nothing)];
    return {
      figure: `processor time of the embedded pipeline with ${says}, beside that with nothing told`,
      aim: '< 5 % more',
      measured: `${((own / nothing - 1) * 100).toFixed(1)} % more (${own.toFixed(2)} and ${nothing.toFixed(2)} ms a job)`,
    };
  };
  return [
    row('metrics', 'metrics'),
    row('metrics and the traces of a tenth of the jobs', 'someTraces'),
    row('metrics and the traces of all jobs', 'allTraces'),
  ];
};

/** Takes what comes, in this process. */
async function startCollector() {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
