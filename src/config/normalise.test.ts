import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demandConfiguration } from './check.ts';
import { timings } from './timing.ts';

const lint = {
  host: 'office',
  os: 'linux',
  labels: ['self-hosted', 'lint'],
  limit: 4,
  command: ['./run.sh'],
};
const build = { ...lint, labels: ['self-hosted', 'build'] };
const valid = { hosts: { office: { type: 'local', limit: 8 } }, pools: { lint, build } };

function normalised(written: unknown) {
  return demandConfiguration(written).configuration;
}

test('the configuration is complete, in milliseconds and in lower case', () => {
  const configuration = normalised({
    allow: { owners: ['Other', 'Acme', 'acme'] },
    hosts: { office: { type: 'local', limit: 8 } },
    pools: {
      lint: { ...lint, labels: ['self-hosted', 'Lint'], repositories: ['Acme/App-*'], jobMinutesMax: 1.5 },
    },
  });
  assert.deepEqual(configuration.pools, [
    {
      name: 'lint',
      host: 'office',
      os: 'linux',
      labels: ['lint', 'self-hosted'],
      limit: 4,
      spares: 0,
      spareChanges: [],
      reuseMs: 0,
      rerunInterrupted: false,
      weight: 1,
      priority: 0,
      register: 'organisation',
      group: 'default',
      repositories: ['acme/app-*'],
      publicRepositories: 'refuse',
      overlap: false,
      jobMsMax: 90_000,
      idleMs: 100_000,
      bootMs: 60_000,
      machine: { command: ['./run.sh'], environment: {}, logBytesMax: 16_777_216 },
    },
  ]);
  assert.deepEqual(configuration.hosts, [
    {
      name: 'office',
      type: 'local',
      limit: 8,
      launchBurst: 10,
      launchesPerSecond: 10,
      options: { endGraceMs: 10_000, logFilesMax: 1000, logBytesTotalMax: 1024 ** 3 },
    },
  ]);
  assert.deepEqual(configuration.allow, { kind: 'owners', owners: ['acme', 'other'] });
});

test('without allow everyone is served, as long as there is one installation', () => {
  assert.deepEqual(normalised(valid).allow, { kind: 'onlyInstallation' });
});

test('every time has its default, and fractions of its unit', () => {
  const { timing } = normalised(valid);
  assert.deepEqual(Object.keys(timing).sort(), Object.keys(timings).sort());
  assert.equal(timing.idleMs, 100_000);
  assert.equal(timing.keepMs, 8 * 24 * 3_600_000);
  const shortened = normalised({
    ...valid,
    timing: { tickSeconds: 0.5, holdSecondsMax: 90.25, keepDays: 7.5 },
  });
  assert.equal(shortened.timing.tickMs, 500);
  assert.equal(shortened.timing.holdMsMax, 90_250);
  assert.equal(shortened.timing.keepMs, 648_000_000);
});

test('a pool waits as it says, else as timing says, else as the type of its host says', () => {
  const timesOf = (pool: object, timing: object) => {
    const hosts = { ...valid.hosts, lab: { type: 'simulated', limit: 1 } };
    const pools = { lint: { ...lint, ...pool }, far: { ...build, host: 'lab', command: undefined } };
    return normalised({ hosts, pools, timing }).pools.map(({ idleMs, bootMs }) => [idleMs, bootMs]);
  };
  assert.deepEqual(timesOf({}, {}), [
    [100_000, 60_000],
    [100_000, 180_000],
  ]);
  assert.deepEqual(timesOf({}, { idleSeconds: 60, bootSeconds: 300 }), [
    [60_000, 300_000],
    [60_000, 300_000],
  ]);
  assert.deepEqual(timesOf({ idleSeconds: 0, bootSeconds: 90 }, { idleSeconds: 60, bootSeconds: 300 }), [
    [0, 90_000],
    [60_000, 300_000],
  ]);
});

test('a machine of EC2 has the time to boot that its system takes, where nothing else is said', () => {
  const hosts = { ec2: { type: 'ec2', limit: 9 } };
  const machine = (type: string) => ({ instanceTypes: [type] });
  const pools = {
    linux: { host: 'ec2', os: 'linux', limit: 1, labels: ['a'], machine: machine('m7i.large') },
    windows: { host: 'ec2', os: 'windows', limit: 1, labels: ['b'], machine: machine('m7i.large') },
    macos: { host: 'ec2', os: 'macos', limit: 1, labels: ['c'], machine: machine('mac1.metal') },
  };
  const bootMs = (timing: object) => normalised({ hosts, pools, timing }).pools.map((pool) => pool.bootMs);
  assert.deepEqual(bootMs({}), [300_000, 900_000, 3_600_000]);
  assert.deepEqual(bootMs({ bootSeconds: 700 }), [700_000, 700_000, 700_000]);
});

test('the order in which pools are written is kept, as it is their precedence', () => {
  assert.deepEqual(
    normalised(valid).pools.map(({ name }) => name as string),
    ['lint', 'build'],
  );
});

test('the version is the same however the same configuration is written', () => {
  const { version } = normalised(valid);
  assert.match(version, /^[0-9a-f]{16}$/);
  const reversed = {
    pools: Object.fromEntries(
      Object.entries(valid.pools).map(([name, pool]) => [
        name,
        Object.fromEntries(Object.entries(pool).reverse()),
      ]),
    ),
    hosts: { office: { limit: 8, type: 'local' } },
  };
  assert.equal(normalised(reversed).version, version);
  assert.equal(normalised({ ...valid, timing: { idleSeconds: 100 }, github: {} }).version, version);
  assert.equal(normalised(JSON.parse(JSON.stringify(valid))).version, version);
  const { command, ...rest } = lint;
  const long = { ...rest, labels: ['LINT', 'self-hosted'], machine: { command } };
  assert.equal(normalised({ ...valid, pools: { lint: long, build } }).version, version);
});

test('the version changes with anything that counts, the order of pools included', () => {
  const versions = [
    valid,
    { ...valid, pools: { build, lint } },
    { ...valid, pools: { lint: { ...lint, limit: 5 }, build } },
    { ...valid, pools: { lint: { ...lint, command: ['./run.sh', 'x'] }, build } },
    { ...valid, timing: { idleSeconds: 101 } },
    { ...valid, allow: { owners: ['acme'] } },
    { ...valid, hosts: { office: { type: 'local', limit: 9 } } },
    { ...valid, hosts: { office: { type: 'local', limit: 8, options: { endGraceMs: 1 } } } },
  ].map((written) => normalised(written).version);
  assert.equal(new Set(versions).size, versions.length);
});

test('a configuration survives JSON, key by key in the same order', () => {
  const configuration = normalised(valid);
  const text = JSON.stringify(configuration);
  assert.equal(JSON.stringify(JSON.parse(text)), text);
  assert.deepEqual(JSON.parse(text), configuration);
});
