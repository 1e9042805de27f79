// Everything that a whole run tells, beside each other: its log at the lowest level, its metrics, its traces, what the
// `runners` command is answered, and the files that it keeps. Others' parsers read it, and nothing of it is a secret.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type OtlpReceiver, startOtlpReceiver } from '../../scripts/otlp-receiver.ts';
import { type MetricFamily, parsePrometheus } from '../../scripts/prometheus-parser.ts';
import { createSystemClock } from '../../src/adapters/clock/system/index.ts';
import { createConsole } from '../../src/adapters/telemetry/console/index.ts';
import { openLocalSource } from '../../src/cli/local-source.ts';
import { localApiFile } from '../../src/deployments/embedded/local-api-file.ts';
import { allMetrics } from '../../src/deployments/metrics.ts';
import { appKeys, quickHost, type System, startSystem, until, webhookSecret } from './harness.ts';

const labels = ['self-hosted', 'small'];
const configuration = {
  hosts: { here: quickHost(3) },
  pools: { small: { host: 'here', os: 'linux', labels, limit: 3 } },
} as const;
const jobs = 8;
const collectorsKey = 'the-key-of-the-collector-0123456789';

/** Of a secret in a text: it may be cut, so a part of it is as bad as all. */
const partLength = 40;

interface Told {
  log: string;
  metrics: string;
  traces: string;
  command: string;
  files: string;
}

describe('what a whole run tells', () => {
  const secrets = new Map<string, string[]>();
  let receiver: OtlpReceiver;
  let told: Told;

  const keep = (kind: string, secret: string) => secrets.set(kind, [...(secrets.get(kind) ?? []), secret]);

  before(
    async () => {
      receiver = await startOtlpReceiver();
      keep("the App's key", appKeys.privateKey.replace(/-----[A-Z ]+-----/g, '').replaceAll('\n', ''));
      keep("the App's key, as a file has it", appKeys.privateKey.split('\n').slice(1, -2).join('\n'));
      keep("the webhook's secret", webhookSecret);
      keep("the collector's key", collectorsKey);
      let log = '';
      const output = {
        write: (line: string) => {
          log += line;
        },
      };
      const system = await startSystem({
        configuration,
        traces: { endpoint: receiver.endpoint, headers: { 'x-key': collectorsKey }, sampleRatio: 1 },
        telemetry: createConsole({ clock: createSystemClock(), level: 'debug', format: 'json', output }),
        pretence: {
          neverRegisters: ({ configuration: given }) => {
            if (given.kind === 'claimed') keep('tokens that claim', given.token);
            return false;
          },
        },
        wrapGitHub: (github) => ({
          ...github,
          async mintRunner(...given) {
            const minted = await github.mintRunner(...given);
            if (minted.outcome === 'minted') keep('just-in-time configurations', minted.jitConfig);
            return minted;
          },
        }),
      });
      try {
        told = await run(system);
      } finally {
        await system.close();
      }
      told = { ...told, log, traces: JSON.stringify(await receiver.spans()) };
    },
    { timeout: 60_000 },
  );
  after(() => receiver?.stop());

  async function run(system: System): Promise<Told> {
    system.world.startRun('acme/app', {
      name: 'ci',
      jobs: [{ name: 'test', labels: [...labels], durationMs: 50, matrix: jobs, failFast: false }],
    });
    await until(
      'all jobs are done',
      async () =>
        [...system.world.state.jobs.values()].every(({ status }) => status === 'completed') &&
        (await system.isEmpty()),
      40_000,
    );
    const machines = secrets.get('tokens that claim')?.length ?? 0;
    const metrics = await until('the end of each is counted', async () => {
      const text = await (await fetch(`${system.url()}/metrics`)).text();
      const counts = ['job_run_ms', 'runner_boot_ms'].map((name) => counted(text, name));
      return counts[0] === jobs && counts[1] === machines && text;
    });
    await refusals(system);
    const source = await openLocalSource(system.dataDirectory);
    const answers = [
      await source.status(),
      ...(await Promise.all([...system.world.state.jobs.keys()].map((id) => source.why(Number(id))))),
    ];
    return {
      log: '',
      traces: '',
      metrics,
      command: JSON.stringify(answers),
      files: filesIn(system.dataDirectory),
    };
  }

  /** What is refused is told of too. */
  async function refusals(system: System): Promise<void> {
    const unsigned = await system.send(
      { action: 'queued' },
      { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
    );
    assert.equal(unsigned.status, 401);
    const [token = ''] = secrets.get('tokens that claim') ?? [];
    const late = await fetch(`${system.url()}/runners/claim`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ runner: 'nobody', token }),
    });
    assert.ok(late.status >= 400);
  }

  it('holds no secret, whole or in part: of none that the run was given or was handed out', () => {
    for (const [kind, all] of secrets) {
      assert.ok(all.length > 0 && all.every((secret) => secret.length >= 8), kind);
      for (const [where, text] of Object.entries(told))
        for (const part of all.flatMap(partsOf)) assert.ok(!text.includes(part), `${kind} in its ${where}`);
    }
    for (const kind of ['just-in-time configurations', 'tokens that claim'])
      assert.ok((secrets.get(kind)?.length ?? 0) >= jobs, kind);
  });

  it("holds no token of GitHub's, of an installation or of the App", () => {
    for (const [where, text] of Object.entries(told)) {
      assert.doesNotMatch(text, /gh[sopur]_[A-Za-z0-9]{10}/, where);
      assert.doesNotMatch(text, /eyJ[A-Za-z0-9_-]{10,}\.eyJ/, where);
    }
  });

  it('is worth the look: each of them tells of the jobs and their runners', () => {
    for (const text of [told.log, told.traces, told.command]) assert.match(text, /-here-small-/);
    assert.match(
      told.metrics,
      /github_requests_total\{route="POST \/app\/installations\/|publisher_runs_total/,
    );
    // Steps of a job that is over in a moment may be counted together.
    assert.ok(told.log.split('\n').length > jobs);
    // A secret that stood there would be seen, also in part.
    for (const [, all] of secrets)
      for (const secret of all)
        assert.ok(partsOf(secret).some((part) => `${told.log} ${secret.slice(0, 60)}`.includes(part)));
  });

  it("is metrics that the parser of Prometheus' own client reads, of the list and of no others", async () => {
    const families = await parsePrometheus(told.metrics);
    const named = (name: string) => families.find((one) => one.name === name.replace(/_total$/, ''));
    for (const { name, type } of families) {
      const metric = allMetrics.get(name) ?? allMetrics.get(`${name}_total`);
      if (metric === undefined) {
        assert.match(name, /^queue_/, `${name} is in no metrics.ts`);
        continue;
      }
      const types = { count: 'counter', distribution: 'histogram', gauge: 'gauge' };
      assert.equal(type, types[metric.kind], name);
    }
    const count = (name: string) => sum(named(name), `${name}_count`);
    for (const phase of ['event_delivery', 'queue', 'run'])
      assert.equal(count(`job_${phase}_ms`), jobs, `each job has its ${phase} once`);
    const machines = secrets.get('tokens that claim')?.length;
    for (const phase of ['launch', 'boot'])
      assert.equal(count(`runner_${phase}_ms`), machines, `each runner has its ${phase} once`);
  });
});

function counted(text: string, name: string): number {
  return [...text.matchAll(new RegExp(`^${name}_count\\{.*\\} (\\d+)$`, 'gm'))].reduce(
    (all, [, value]) => all + Number(value),
    0,
  );
}

function sum(family: MetricFamily | undefined, name: string): number {
  return (family?.samples ?? [])
    .filter((sample) => sample.name === name)
    .reduce((all, { value }) => all + value, 0);
}

/** All of a short one; of a long one each stretch of some length. */
function partsOf(secret: string): string[] {
  if (secret.length <= partLength) return [secret];
  return Array.from({ length: Math.floor(secret.length / partLength) }, (_, n) =>
    secret.slice(n * partLength, (n + 1) * partLength),
  );
}

/** But for the token of the local API, which is what its file is for. */
function filesIn(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.endsWith(localApiFile) && statSync(join(directory, name)).isFile())
    .map((name) => readFileSync(join(directory, name)).toString('latin1'))
    .join('\n');
}
