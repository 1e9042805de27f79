// One job at a time: from the moment at which its webhook is sent until the host is asked to launch its machine.
// Over HTTP, with SQLite on disk.

import { join } from 'node:path';
import type { SimulatedMachine } from '../src/adapters/hosts/simulated/index.ts';
import { createSqliteJobsTable, type SqliteJobsTable } from '../src/adapters/jobs-tables/sqlite/index.ts';
import { startServer } from '../src/deployments/embedded/server.ts';
import { type Measure, percentile, shownMs } from './figure.ts';
import { createInProcess } from './in-process.ts';
import { configurationOf, type Event, inFolder, signatureOf, until, webhookBody } from './setting.ts';

const jobsMany = 500;
const jobsBefore = 50;

export const measureLatency: Measure = () =>
  inFolder(async (folder) => {
    let table: SqliteJobsTable | null = null;
    let bornAt = 0;
    let machine: SimulatedMachine | null = null;
    const { pipeline, recorder } = createInProcess({
      configuration: configurationOf(10),
      table: (onChanges, deadlines) => {
        table = createSqliteJobsTable({ database: join(folder, 'jobs.sqlite'), deadlines, onChanges });
        return table;
      },
      onUp: (up) => {
        machine = up;
      },
      observer: {
        born: () => {
          bornAt = performance.now();
        },
      },
    });
    await pipeline.start();
    await pipeline.idle();
    const server = await startServer(
      { doors: pipeline.doors, telemetry: recorder, health: async () => {}, metrics: async () => '' },
      { host: '127.0.0.1', port: 0 },
    );
    const send = async (event: Event) => {
      const body = webhookBody(event);
      const answer = await fetch(`${server.url}/webhooks/github`, {
        method: 'POST',
        body,
        headers: { 'x-github-event': 'workflow_job', 'x-hub-signature-256': signatureOf(body) },
      });
      await answer.arrayBuffer();
    };
    const waits: number[] = [];
    for (let id = 1; id <= jobsBefore + jobsMany; id += 1) {
      bornAt = 0;
      machine = null;
      const sentAt = performance.now();
      await send({ id, action: 'queued' });
      await until(() => machine !== null);
      if (id > jobsBefore) waits.push(bornAt - sentAt);
      const up = machine as unknown as SimulatedMachine;
      const runner = { id, name: up.name };
      await send({ id, action: 'in_progress', runner });
      await send({ id, action: 'completed', runner });
      up.end('its job has ended');
      await pipeline.idle();
    }
    await server.close();
    await pipeline.close();
    (table as SqliteJobsTable | null)?.close();
    return [
      {
        figure: 'webhook sent → launch call, one at a time, HTTP, SQLite on disk',
        aim: 'p50 < 10 ms, p99 < 50 ms',
        measured: `p50 ${shownMs(percentile(waits, 0.5))}, p99 ${shownMs(percentile(waits, 0.99))}`,
      },
    ];
  });
