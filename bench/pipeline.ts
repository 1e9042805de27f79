// The whole embedded pipeline under load: signed webhooks over HTTP, SQLite on disk, registrations over HTTP, a
// simulated host. The load is in this process, the system in another one.

import { Agent, request } from 'node:http';
import { type Measure, median, repeated, runsEach } from './figure.ts';
import { type Event, inFolder, jobOf, makeKeys, signatureOf, until, webhookBody } from './setting.ts';
import { startSystem } from './start-system.ts';
import { startStubGitHub } from './stub-github.ts';
import { groupMs, type SystemTerms } from './system.ts';

const jobsMany = 3_000;
/** Events are sent as GitHub sends a large matrix: many at once, on connections that are kept. */
const connectionsMax = 40;
const limit = 200;

export const measurePipeline: Measure = async () => {
  const runs = await repeated(runsEach, () => runPipeline({ jobsMany }));
  const perSecond = median(runs.map(({ jobsPerSecond }) => jobsPerSecond));
  const cpuMs = median(runs.map(({ cpuMsPerJob }) => cpuMsPerJob));
  const calls = median(runs.map(({ callsPerJob }) => callsPerJob));
  return [
    {
      figure: `embedded pipeline, signed HTTP webhooks, SQLite on disk (${jobsMany} jobs)`,
      aim: '≥ 300 jobs/s',
      measured: `${perSecond.toFixed(0)} jobs/s`,
    },
    {
      figure: 'processor time of the system for a job with its three webhooks',
      aim: '≤ 3 ms',
      measured: `${cpuMs.toFixed(2)} ms`,
    },
    { figure: 'GitHub calls per job under that load', aim: '1.0 + the token', measured: calls.toFixed(3) },
  ];
};

type MintedRunner = { id: number; name: string };

export interface PipelineRun {
  jobsPerSecond: number;
  cpuMsPerJob: number;
  callsPerJob: number;
}

async function runPipeline({ jobsMany }: { jobsMany: number }): Promise<PipelineRun> {
  return withPipeline({}, async (pipeline) => {
    await pipeline.serve(warmUpJobs);
    const before = await pipeline.cpuMs();
    const callsBefore = pipeline.calls();
    const elapsedMs = await pipeline.serve(jobsMany);
    return {
      jobsPerSecond: (jobsMany / elapsedMs) * 1000,
      cpuMsPerJob: ((await pipeline.cpuMs()) - before) / jobsMany,
      callsPerJob: (pipeline.calls() - callsBefore) / jobsMany,
    };
  });
}

export interface LoadedPipeline {
  /** So many jobs at once, to the end of all; how long that took, in ms. */
  serve(jobs: number): Promise<number>;
  /** What the system's process has used so far. */
  cpuMs(): Promise<number>;
  /** Of GitHub, so far. */
  calls(): number;
}

/** What the first jobs cost is the compiler's. */
export const warmUpJobs = 300;

export async function withPipeline<Result>(
  terms: Pick<SystemTerms, 'told'>,
  work: (pipeline: LoadedPipeline) => Promise<Result>,
): Promise<Result> {
  return inFolder(async (dataDirectory) => {
    const keys = makeKeys();
    const waiting: number[] = [];
    const idle: MintedRunner[] = [];
    const ids = new Map<string, number>();
    let ended: string[] = [];
    let begun = 0;
    let done = 0;
    const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
    const gitHub = await startStubGitHub(
      ({ id, name }) => ids.set(name, id),
      // Asked about one whose launch came too late, on a machine that is too busy.
      (id) => jobOf({ id, action: waiting.includes(id) ? 'queued' : 'in_progress' }),
    );
    const system = await startSystem(
      {
        gitHubUrl: gitHub.url,
        privateKey: keys.privateKey,
        dataDirectory,
        limit,
        ...terms,
      },
      (runners) => {
        for (const name of runners) idle.push({ id: ids.get(name) ?? 0, name });
        assign();
      },
    );
    const send = (event: Event) => post(agent, `${system.url}/webhooks/github`, event);

    /** Gives the oldest job to an idle runner, as GitHub does. */
    function assign(): void {
      while (waiting.length > 0 && idle.length > 0) {
        const [id, runner] = [waiting.shift(), idle.shift()];
        if (id !== undefined && runner) void runJob(id, runner);
      }
    }
    async function runJob(id: number, runner: MintedRunner): Promise<void> {
      await send({ id, action: 'in_progress', runner });
      await send({ id, action: 'completed', runner });
      ended.push(runner.name);
      done += 1;
    }
    const ends = setInterval(() => {
      if (ended.length > 0) system.end(ended);
      ended = [];
    }, groupMs);

    async function serve(jobs: number): Promise<number> {
      const startedAt = performance.now();
      const queue = async (id: number) => {
        await send({ id, action: 'queued' });
        waiting.push(id);
        assign();
      };
      const sent = Array.from({ length: jobs }, (_, n) => queue(firstId + begun + n));
      begun += jobs;
      await Promise.all(sent);
      await until(() => done === begun);
      return performance.now() - startedAt;
    }

    try {
      return await work({
        serve,
        cpuMs: async () => (await system.usage()).cpuMs,
        calls: () => sum(gitHub.requests),
      });
    } finally {
      clearInterval(ends);
      await system.stop();
      await gitHub.close();
      agent.destroy();
    }
  });
}

const firstId = 10_000;

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function post(agent: Agent, url: string, event: Event): Promise<void> {
  const body = webhookBody(event);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
          'x-github-event': 'workflow_job',
          'x-hub-signature-256': signatureOf(body),
        },
      },
      (response) => {
        response.resume();
        response.once('end', () =>
          response.statusCode === 202 ? resolve() : reject(new Error(`answered ${response.statusCode}`)),
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
