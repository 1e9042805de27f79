// The `runners` command against a whole running system, as a person uses it: by the data directory alone.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLocalSource } from '../../src/cli/local-source.ts';
import { type ProgramDeps, runCommand } from '../../src/cli/program.ts';
import { exitCodes } from '../../src/cli/source.ts';
import { paintFor } from '../../src/cli/text.ts';
import type { JobView, PoolView, StatusView, WhyView } from '../../src/flow/operator/views.ts';
import { quickHost, type System, startSystem, until } from './harness.ts';
import { workflowJob } from './payload.ts';

const labels = ['self-hosted', 'small'];
const configuration = {
  hosts: { here: quickHost(1) },
  pools: { small: { host: 'here', os: 'linux', labels, limit: 1 } },
} as const;

interface Said {
  exitCode: number;
  out: string;
  error: string;
}

async function ask(dataDirectory: string, args: readonly string[], looks = 1): Promise<Said> {
  const said = { out: '', error: '' };
  let left = looks;
  const deps: ProgramDeps = {
    open: ({ dataDir }) => openLocalSource(dataDir),
    now: Date.now,
    out: (text) => {
      said.out += text;
    },
    error: (text) => {
      said.error += text;
    },
    paint: paintFor(false),
    clear: null,
    dataDirectory,
    pause: async () => {
      left -= 1;
    },
    isStopped: () => left <= 0,
  };
  return { exitCode: await runCommand(deps, args), ...said };
}

async function askJson<Answer>(system: System, ...args: string[]): Promise<Answer> {
  const { exitCode, out, error } = await ask(system.dataDirectory, ['--json', ...args]);
  assert.equal(exitCode, exitCodes.done, error);
  return JSON.parse(out) as Answer;
}

async function withSystem(work: (system: System) => Promise<void>): Promise<void> {
  // Machines never boot, so what waits goes on waiting.
  const system = await startSystem({ configuration, pretence: { neverRegisters: () => true } });
  try {
    await work(system);
  } finally {
    await system.close();
  }
}

test('says what is alive, what waits and why, the whole story of a job, and changes a pool', () =>
  withSystem(async (system) => {
    for (const id of [41, 42])
      await system.send(
        workflowJob({ id, labels, createdAt: new Date(Date.now() - 60_000 + id).toISOString() }),
      );
    const jobs = await until('one job has its runner, the other waits for the place', async () => {
      const list = await askJson<JobView[]>(system, 'jobs');
      return list.length === 2 && list[1]?.wait?.code === 'poolLimit' && list;
    });
    assert.deepEqual(
      jobs.map(({ id, pool, repository }) => ({ id, pool, repository })),
      [41, 42].map((id) => ({ id, pool: 'small', repository: 'acme/app' })),
    );

    const status = await askJson<StatusView>(system, 'status');
    assert.deepEqual(
      status.hosts.map(({ name, alive, limit }) => ({ name, alive, limit })),
      [{ name: 'here', alive: 1, limit: 1 }],
    );
    assert.deepEqual(status.pools[0]?.jobs, { waiting: 2, held: 0 });

    const why = await askJson<WhyView>(system, 'why', 'https://github.com/acme/app/actions/runs/7/job/42');
    assert.equal(why.job.wait?.code, 'poolLimit');
    assert.equal(why.ahead, 1);
    assert.match(
      why.job.wait?.text ?? '',
      /pool small is at its limit, 1 of 1 alive: 1 coming; 1 job waits before it/,
    );
    assert.equal(
      why.job.wait?.remedy,
      'wait for a place, or raise the limit of pool small in the configuration',
    );
    assert.ok(
      why.story.some((entry) => entry.what === 'waits' && entry.why?.endsWith('1 job of its lane before it')),
    );
    const told = await ask(system.dataDirectory, ['why', '41']);
    assert.match(told.out, /It waits since .*\n[\s\S]*runner ordered: \w+-here-small-/);
    assert.match(told.out, /-here-small-\S+ +launched/);

    const paused = await askJson<PoolView[]>(system, 'pools', 'pause', 'small');
    assert.equal(paused[0]?.paused, true);
    const lowered = await askJson<PoolView[]>(system, 'pools', 'limit', 'small', '0');
    assert.deepEqual([lowered[0]?.paused, lowered[0]?.limitNow], [true, 0]);
    await until('the Publisher has counted what the operator said', async () => {
      const [pool] = await askJson<PoolView[]>(system, 'pools');
      return pool?.paused === true && pool.limitNow === 0;
    });
    assert.equal((await askJson<WhyView>(system, 'why', '42')).job.wait?.code, 'paused');
    await askJson<PoolView[]>(system, 'pools', 'resume', 'small');
    const restored = await askJson<PoolView[]>(system, 'pools', 'limit', 'small', 'none');
    assert.deepEqual([restored[0]?.paused, restored[0]?.limitNow], [false, null]);
  }));

test('says with its exit code and in words what went wrong', () =>
  withSystem(async (system) => {
    const { dataDirectory } = system;
    for (const [args, exitCode, says] of [
      [['why', '999'], exitCodes.notFound, /Job 999 is not known here/],
      [['pools', 'pause', 'smal'], exitCodes.notFound, /No pool is named smal/],
      [['logs', 'nobody'], exitCodes.notFound, /no log of nobody/],
      [['logs', 'nobody', '--diag'], exitCodes.failed, /leave out --diag/],
      [['logs', 'nobody', '--lines', '0'], exitCodes.usage, /whole number from 1 to 100000/],
      [['jobs', '--pool', 'smal'], exitCodes.notFound, /No pool is named smal/],
      [['redrive', '--queue', 'nowhere'], exitCodes.notFound, /named like nowhere. There are: .*publisher/],
      [['why', 'that one'], exitCodes.usage, /a job's id \(digits\)/],
      [['jobs', '--limit', '0'], exitCodes.usage, /whole number from 1 to 1000/],
      [['pools', 'limit', 'small', 'much'], exitCodes.usage, /whole number from 0/],
      [['jump'], exitCodes.usage, /unknown command/],
      [
        ['status', '--data-dir', join(dataDirectory, 'elsewhere')],
        exitCodes.notReached,
        /No system runs with/,
      ],
    ] as const) {
      const said = await ask(dataDirectory, args);
      assert.equal(said.exitCode, exitCode, `${args.join(' ')}: ${said.error}`);
      assert.match(said.error, says);
      assert.equal(said.out, '');
    }
  }));

test('tells afterwards what an ended job waited for, and shows the log of its runner', async () => {
  const system = await startSystem({ configuration });
  try {
    const { jobs } = system.world.startRun('acme/app', {
      name: 'ci',
      jobs: [1, 2].map((n) => ({ name: `job ${n}`, labels, durationMs: 3_000 })),
    });
    await until(
      'both are done',
      async () => jobs.every(({ status }) => status === 'completed') || null,
      30_000,
    );
    const both = await until('both are known to be done', async () => {
      const told = await Promise.all(jobs.map(({ id }) => askJson<WhyView>(system, 'why', String(id))));
      return told.every(({ job }) => job.phase === 'completed') && told;
    });
    const waits = both.flatMap(({ story }) => story.filter(({ what }) => what === 'waited'));
    assert.ok(waits.length > 0, 'one of them waited for the place');
    for (const { why, forMs } of waits) {
      assert.match(
        why ?? '',
        /small is at its limit, 1 of 1 alive|here is at its limit, 1 of 1 machines alive/,
      );
      assert.ok((forMs ?? 0) >= 1_000);
    }
    const waiter = both.find(({ story }) => story.some(({ what }) => what === 'waited'));
    const said = await ask(system.dataDirectory, ['why', String(waiter?.job.id)]);
    assert.match(said.out, /Where its time went, until it started\n(.*\n)* +\d+ s +\w+ \w+ is at its limit/);
    const name = both[0]?.runners[0]?.name ?? '';
    // The runners of this system are none, and print nothing.
    const logs = join(system.dataDirectory, 'logs');
    mkdirSync(logs, { recursive: true });
    writeFileSync(join(logs, `${name}.log`), 'first\nsecond\n');
    const log = await ask(system.dataDirectory, ['logs', name, '--lines', '1']);
    assert.deepEqual([log.exitCode, log.out], [exitCodes.done, 'second\n']);
  } finally {
    await system.close();
  }
});

test('watches again and again, until it is told to stop', () =>
  withSystem(async ({ dataDirectory }) => {
    const { exitCode, out } = await ask(dataDirectory, ['--json', 'watch'], 3);
    assert.equal(exitCode, exitCodes.done);
    const looks = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as StatusView);
    assert.equal(looks.length, 3);
  }));

test('only the owner of the data directory can ask, on the loopback, and nobody once it is stopped', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'runners-'));
  const file = join(dataDirectory, 'local-api.json');
  try {
    const system = await startSystem({ configuration, dataDirectory });
    try {
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const { url } = system.running().localApi;
      assert.match(url, /^http:\/\/127\.0\.0\.1:/);
      for (const authorization of ['', 'Bearer ', 'Bearer wrong', 'Basic eA==']) {
        const answer = await fetch(`${url}/status`, { headers: { authorization } });
        assert.equal(answer.status, 401, authorization);
      }
      assert.equal((await fetch(`${system.url()}/status`)).status, 404, 'the public port leads nowhere');
    } finally {
      await system.close();
    }
    const said = await ask(dataDirectory, ['status']);
    assert.equal(said.exitCode, exitCodes.notReached);
    assert.match(said.error, /it has been stopped/);
  } finally {
    rmSync(dataDirectory, { recursive: true, force: true });
  }
});
