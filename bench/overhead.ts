// What it costs to be told where the time goes: the embedded pipeline with nothing, with metrics, and with traces
// beside them. A system of each runs all the while, and they are given some jobs in turns, a second apart: so other
// work on the machine disturbs all of them alike. Compared are the processor time of each, which is that of its process
// with all threads, the garbage collector's too, and the time from the first event of some jobs to the end of the last.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Measure, median, percentile } from './figure.ts';
import { type LoadedPipeline, warmUpJobs, withPipeline } from './pipeline.ts';

/** As many as have a place at once. */
const jobsPerTurn = 200;
/** The first are for the compiler, which goes on for some thousand jobs. */
const turnsBefore = 12;
const turns = 100;

const kinds = {
  nothing: { metrics: false, sampleRatio: 0 },
  metrics: { metrics: true, sampleRatio: 0 },
  someTraces: { metrics: true, sampleRatio: 0.1 },
  allTraces: { metrics: true, sampleRatio: 1 },
} as const;

type Kind = keyof typeof kinds;

const inOrder = Object.keys(kinds) as Kind[];

/** Of each turn. */
interface Costs {
  cpuMs: number[];
  elapsedMs: number[];
}

export const measureOverhead: Measure = async () => {
  const collector = await startCollector();
  try {
    const costs = await withAll(collector.url, inOrder, new Map());
    const row = (says: string, kind: Kind) => ({
      figure: `the embedded pipeline with ${says}, beside that with nothing told`,
      aim: '< 5 % more',
      measured:
        `processor time ${shown(ratiosOf(costs, kind, 'cpuMs'))}, ` +
        `time ${shown(ratiosOf(costs, kind, 'elapsedMs'))}`,
    });
    return [
      row('metrics', 'metrics'),
      row('metrics and the traces of a tenth of the jobs', 'someTraces'),
      row('metrics and the traces of all jobs', 'allTraces'),
    ];
  } finally {
    await collector.close();
  }
};

/** Opens one after the other, and measures when all are there. */
function withAll(
  tracesTo: string,
  [kind, ...others]: readonly Kind[],
  opened: ReadonlyMap<Kind, LoadedPipeline>,
): Promise<ReadonlyMap<Kind, Costs>> {
  if (kind === undefined) return takeTurns(opened);
  return withPipeline({ told: { ...kinds[kind], tracesTo } }, async (pipeline) => {
    await pipeline.serve(warmUpJobs);
    return withAll(tracesTo, others, new Map([...opened, [kind, pipeline]]));
  });
}

async function takeTurns(pipelines: ReadonlyMap<Kind, LoadedPipeline>): Promise<ReadonlyMap<Kind, Costs>> {
  const costs = new Map(inOrder.map((kind): [Kind, Costs] => [kind, { cpuMs: [], elapsedMs: [] }]));
  const cpuMs = new Map<Kind, number>();
  for (let turn = -turnsBefore; turn < turns; turn += 1) {
    for (const kind of orderOf(turn + turnsBefore)) {
      const pipeline = pipelines.get(kind);
      if (!pipeline) continue;
      const elapsedMs = await pipeline.serve(jobsPerTurn);
      // What is left to do for the turn before, such as to send spans, is in this one.
      const usedMs = await pipeline.cpuMs();
      if (turn >= 0) {
        costs.get(kind)?.elapsedMs.push(elapsedMs);
        costs.get(kind)?.cpuMs.push(usedMs - (cpuMs.get(kind) ?? 0));
      }
      cpuMs.set(kind, usedMs);
    }
  }
  return costs;
}

/** Whoever is first in one turn is last in another, and who comes before whom changes too. */
function orderOf(turn: number): Kind[] {
  const at = turn % inOrder.length;
  const turned = [...inOrder.slice(at), ...inOrder.slice(0, at)];
  return turn % 2 === 0 ? turned : turned.reverse();
}

function ratiosOf(costs: ReadonlyMap<Kind, Costs>, kind: Kind, what: keyof Costs): number[] {
  const nothing = costs.get('nothing')?.[what] ?? [];
  return (costs.get(kind)?.[what] ?? []).map((cost, turn) => cost / (nothing[turn] ?? 0) - 1);
}

/** The median of the turns, and between what half of them are. */
function shown(ratios: readonly number[]): string {
  const [low, middle, high] = [percentile(ratios, 0.25), median(ratios), percentile(ratios, 0.75)].map(
    (ratio) => `${ratio < 0 ? '' : '+'}${(ratio * 100).toFixed(1)} %`,
  );
  return `${middle} (${low} … ${high})`;
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
