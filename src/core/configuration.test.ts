import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurationOf, hostSettings, poolSettings } from '../../test/fixtures/books.ts';
import { systemToEnd } from './configuration.ts';
import type { HostName, PoolName } from './ids.ts';

test('an order to end a runner goes to a system that its host has, whatever became of its pool', () => {
  const [mac, lab] = ['mac', 'lab'] as HostName[] as [HostName, HostName];
  const configuration = configurationOf(
    [
      poolSettings('ios', { host: mac, os: 'macos' }),
      poolSettings('lint', { host: lab, os: 'linux' }),
      poolSettings('build', { host: lab, os: 'windows' }),
    ],
    [hostSettings('mac'), hostSettings('lab')],
  );
  const systemOf = (host: HostName, pool: string) => systemToEnd(configuration, host, pool as PoolName);
  assert.equal(systemOf(lab, 'build'), 'windows');
  assert.equal(systemOf(mac, 'taken-out'), 'macos', 'nobody listens there for linux');
  assert.equal(systemOf(mac, 'build'), 'macos', 'the pool has moved to another host');
  assert.equal(systemOf(lab, 'ios'), 'linux');
});
