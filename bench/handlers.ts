// The same handlers on the memory table, without HTTP: what they themselves cost.

import type { SimulatedMachine } from '../src/adapters/hosts/simulated/index.ts';
import { createMemoryJobsTable } from '../src/adapters/jobs-tables/memory/index.ts';
import { type Measure, median, repeated, runsEach } from './figure.ts';
import { createInProcess } from './in-process.ts';
import { configurationOf, type Event, signatureOf, until, webhookBody } from './setting.ts';

const jobsMany = 5_000;
const limit = 200;

export const measureHandlers: Measure = async () => {
  const runs = await repeated(runsEach, runOnce);
  const perSecond = median(runs.map((run) => run.jobsPerSecond));
  const cpuMs = median(runs.map((run) => run.cpuMsPerJob));
  return [
    {
      figure: `the same handlers on the memory table, without HTTP (${jobsMany} jobs)`,
      aim: '≥ 1,500 jobs/s',
      measured: `${perSecond.toFixed(0)} jobs/s, ${cpuMs.toFixed(2)} ms of processor time each, the webhooks' making included`,
    },
  ];
};

async function runOnce(): Promise<{ jobsPerSecond: number; cpuMsPerJob: number }> {
  const waiting: number[] = [];
  const idle: SimulatedMachine[] = [];
  let done = 0;
  const { pipeline } = createInProcess({
    configuration: configurationOf(limit),
    table: (onChanges, deadlines) => createMemoryJobsTable({ onChanges, deadlines }),
    onUp: (machine) => {
      idle.push(machine);
      assign();
    },
  });
  // Made before: the cost of making a webhook is GitHub's.
  const bodies = new Map(
    Array.from({ length: jobsMany }, (_, at): [number, Signed] => [
      at + 1,
      signed({ id: at + 1, action: 'queued' }),
    ]),
  );
  const send = ({ body, signature }: Signed) =>
    pipeline.doors.webhook({ signature, event: 'workflow_job', delivery: null, body });

  function assign(): void {
    while (waiting.length > 0 && idle.length > 0) {
      const [id, machine] = [waiting.shift(), idle.shift()];
      if (id !== undefined && machine) void runJob(id, machine);
    }
  }
  async function runJob(id: number, machine: SimulatedMachine): Promise<void> {
    const runner = { id, name: machine.name };
    await send(signed({ id, action: 'in_progress', runner }));
    await send(signed({ id, action: 'completed', runner }));
    machine.end('its job has ended');
    done += 1;
  }

  await pipeline.start();
  await pipeline.idle();
  const startedAt = performance.now();
  const before = process.cpuUsage();
  for (const [id, queued] of bodies) {
    await send(queued);
    waiting.push(id);
    assign();
  }
  await until(() => done === jobsMany);
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  await pipeline.close();
  return {
    jobsPerSecond: (jobsMany / elapsedMs) * 1000,
    cpuMsPerJob: (user + system) / 1000 / jobsMany,
  };
}

interface Signed {
  body: Buffer;
  signature: string;
}

function signed(event: Event): Signed {
  const body = webhookBody(event);
  return { body, signature: signatureOf(body) };
}
