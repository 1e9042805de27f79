import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurationOf, poolSettings } from '../../../test/fixtures/books.ts';
import { createStations, hostName, silent } from '../../../test/fixtures/stations.ts';
import type { MachineId } from '../../core/ids.ts';
import { identifyBy } from './identify.ts';

function identifying() {
  const { clock, random, configuration } = createStations(configurationOf([poolSettings('lint')]));
  const said: unknown[] = [];
  const telemetry = { ...silent, log: (...line: unknown[]) => void said.push(line) };
  const context = { clock, random, configuration, telemetry } as unknown as Parameters<typeof identifyBy>[1];
  const type = configuration.hosts[0]?.type ?? '';
  const identify = identifyBy(
    {
      [type]: {
        identify: (identity, { account, region }) =>
          identity === `of ${account} in ${region}`
            ? { machine: 'i-1' as MachineId }
            : { why: 'it is a machine of another account' },
      },
    },
    context,
    { ACCOUNT_ID: '123456789012', REGION: 'eu-west-1' },
  );
  return { identify, said, clock };
}

test('a document proves a machine of this account and region, as its host reads it', () => {
  const { identify, said } = identifying();
  assert.equal(identify(hostName, 'of 123456789012 in eu-west-1'), 'i-1');
  assert.deepEqual(said, []);
});

test('why a document proves nothing is in the log, once a minute however often one comes', async () => {
  const { identify, said, clock } = identifying();
  for (let times = 0; times < 100; times += 1) assert.equal(identify(hostName, 'another'), null);
  assert.deepEqual(said, [
    [
      'warn',
      'a machine could not prove who it is',
      { host: hostName, why: 'it is a machine of another account' },
    ],
  ]);
  await clock.advance(60_000);
  identify(hostName, 'another');
  assert.equal(said.length, 2);
});
