// One running system: the pipeline with its server before it.

import { allTelemetry } from '../../adapters/telemetry/all.ts';
import { createPrometheus, type Prometheus } from '../../adapters/telemetry/prometheus/index.ts';
import type { TracingSettings } from '../../config/environment.ts';
import { createOperator } from '../../flow/operator/operator.ts';
import { demandRoom, explainDataDirectory } from './data-directory.ts';
import { type LocalApi, startLocalApi } from './local-api.ts';
import { redriveQueues } from './redrive.ts';
import { tellOfRefused } from './refused-webhooks.ts';
import { type EmbeddedServer, startServer } from './server.ts';
import { openTraces } from './traces.ts';
import { createEmbedded, type Embedded, type EmbeddedSettings } from './wiring.ts';

export interface RunSettings extends Omit<EmbeddedSettings, 'tracing'> {
  /** Where traces of jobs go; none are kept without. */
  traces?: TracingSettings | null;
  /** What keeps the metrics that `GET /metrics` tells; its own where it is left out. */
  prometheus?: Prometheus;
  host: string;
  port: number;
}

export interface Running extends Embedded {
  readonly server: EmbeddedServer;
  /** For the `runners` command. */
  readonly localApi: LocalApi;
}

/** In this order: the lock, the table, what was under way is taken up again, and only then the port. */
export async function run(settings: RunSettings): Promise<Running> {
  const { prometheus = createPrometheus() } = settings;
  const telemetry = allTelemetry([settings.telemetry, prometheus]);
  const traces = settings.traces
    ? await openTraces(settings.traces, { clock: settings.clock, telemetry })
    : null;
  const embedded = await createEmbedded({ ...settings, telemetry, tracing: traces?.tracing }).catch(
    (error: unknown) => {
      throw explainDataDirectory(error, settings.dataDirectory);
    },
  );
  try {
    await embedded.start();
    const { doors } = embedded.pipeline;
    const server = await startServer(
      {
        doors: { ...doors, webhook: tellOfRefused(doors.webhook, { clock: settings.clock, telemetry }) },
        telemetry,
        health: async () => {
          for (const { name } of settings.configuration.hosts) await embedded.table.readLedger(name);
          await demandRoom(settings.dataDirectory);
        },
        metrics: async () => prometheus.text(embedded.gauges()),
      },
      settings,
    );
    const localApi = await startLocalApi({
      operator: createOperator({ ...settings, table: embedded.table }),
      gitHubName: settings.gitHubName,
      dataDirectory: settings.dataDirectory,
      telemetry,
      redrive: (queue) => redriveQueues(embedded.pipeline.queues(), queue),
    });
    return {
      ...embedded,
      server,
      localApi,
      /** No new event, answers under way, handlers at work, then the files. */
      async stop(whenQuiet) {
        server.stopTaking();
        await server.close();
        await localApi.close();
        await embedded.stop(whenQuiet);
        await traces?.close();
      },
    };
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}
