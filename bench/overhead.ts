// What it costs to be told where the time goes: the embedded pipeline with nothing, with metrics, and with traces
// beside them. Other work on the machine disturbs all of them alike where they take turns, so each is compared with the
// one that was told nothing in the same turn, and the median of the turns' ratios counts. Processor time is that of the
// system's process with all its threads, the garbage collector's too; other work disturbs it less than the clock.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Measure, median, percentile } from './figure.ts';
import { type PipelineRun, runPipeline } from './pipeline.ts';

const jobsMany = 1_500;
/** Of each, one after the other: the ratios of two turns differ by more than what is measured. */
const turns = 11;
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
  const runs: Record<Kind, PipelineRun>[] = [];
  try {
    for (let turn = 0; turn < turns; turn += 1) runs.push(await runEach(turn, collector.url));
  } finally {
    await collector.close();
  }
  const row = (says: string, kind: Kind) => {
    const more = (of: (run: PipelineRun) => number) => runs.map((run) => of(run[kind]) / of(run.nothing) - 1);
    return {
      figure: `the embedded pipeline with ${says}, beside that with nothing told`,
      aim: '< 5 % more',
      measured: `processor time of a job ${shown(more(({ cpuMsPerJob }) => cpuMsPerJob))}, time of a job ${shown(more(({ jobsPerSecond }) => 1 / jobsPerSecond))}`,
    };
  };
  return [
    row('metrics', 'metrics'),
    row('metrics and the traces of a tenth of the jobs', 'someTraces'),
    row('metrics and the traces of all jobs', 'allTraces'),
  ];
};

async function runEach(turn: number, tracesTo: string): Promise<Record<Kind, PipelineRun>> {
  const runs: Partial<Record<Kind, PipelineRun>> = {};
  // Whoever is first in one turn is last in another.
  for (const kind of [...inOrder.slice(turn % inOrder.length), ...inOrder.slice(0, turn % inOrder.length)]) {
    runs[kind] = await runPipeline({ jobsMany, told: { ...kinds[kind], tracesTo } }, settleMs);
  }
  return runs as Record<Kind, PipelineRun>;
}

/** The median, and between which two half of the turns were. */
function shown(ratios: readonly number[]): string {
  const [low, middle, high] = [percentile(ratios, 0.25), median(ratios), percentile(ratios, 0.75)].map(
    (ratio) => `${(ratio * 100).toFixed(1)} %`,
  );
  return `+${middle} (${low} … ${high})`;
}

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
