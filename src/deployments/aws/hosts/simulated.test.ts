import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { createVirtualClock } from '../../../adapters/clock/virtual/index.ts';
import { createDynamoDbClient } from '../../../adapters/jobs-tables/dynamodb/client.ts';
import type { HostSettings } from '../../../core/configuration.ts';
import type { DeploymentPrefix, HostName } from '../../../core/ids.ts';
import type { HostOpener } from '../host-opener.ts';
import * as simulated from './simulated.ts';

const opener: HostOpener = simulated;
const settings: HostSettings = {
  name: 'lab' as HostName,
  type: 'simulated',
  limit: 3,
  launchBurst: 10,
  launchesPerSecond: 10,
  options: { standby: false, url: 'http://127.0.0.1:1', token: 'the token of this test' },
};
const event = {
  version: '0',
  'detail-type': 'machine ended',
  source: simulated.eventSource,
  detail: {
    host: 'lab',
    name: 'own1-lab-small-x',
    machine: 'sim-1',
    cause: 'its job is done',
    at: 1_700_000_000_000,
  },
};

const openWith = (options: unknown) =>
  opener.open({
    settings: { ...settings, options },
    deployment: 'own1' as DeploymentPrefix,
    store: { client: createDynamoDbClient({ region: 'eu-west-1' }), tableName: 'jobs' },
    clock: createVirtualClock(0),
    random: () => 0.5,
    environment: {},
  });

describe('the opener of simulated hosts', () => {
  test('opens a host whose traits are those of its options', () => {
    assert.deepEqual(openWith(settings.options).traits, opener.traits(settings));
    assert.equal(opener.traits(settings).standby, false);
  });

  test('refuses a host without a park, and says what to do', () => {
    assert.throws(() => openWith({}), /host lab .* url and token of a park.*Remedy/);
    assert.throws(() => openWith({ url: 'http://127.0.0.1:1' }), /give both or neither/);
  });

  test('reads the events of its own host, and no others', async () => {
    const { host: _host, ...detail } = event.detail;
    assert.deepEqual(await opener.readEvent(event, settings), { ...detail, happened: 'gone' });
    for (const other of [
      { ...event, source: 'aws.ec2' },
      { ...event, detail: { ...event.detail, host: 'another' } },
      { ...event, detail: { ...event.detail, at: 'now' } },
      { ...event, detail: { ...event.detail, cause: '' } },
      null,
    ])
      assert.equal(await opener.readEvent(other, settings), null);
  });

  test('brings no ground and no server into a function', async () => {
    const { metafile } = await build({
      entryPoints: [fileURLToPath(new URL('./simulated.ts', import.meta.url))],
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'silent',
    });
    const inputs = Object.keys(metafile.inputs);
    assert.ok(inputs.some((path) => path.endsWith('hosts/simulated/remote.ts')));
    const unwanted = /hosts\/simulated\/(ground|park|index|launch)\.ts$|node_modules\/(hono|@hono)\//;
    assert.deepEqual(
      inputs.filter((path) => unwanted.test(path)),
      [],
    );
  });
});
