import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurationOf, poolSettings } from '../../../../../test/fixtures/books.ts';
import type { PoolName } from '../../../../core/ids.ts';
import { createLimitsWatch } from './limits-watch.ts';

test('each birth beyond a limit is told, of the pool and of the host, and no other', () => {
  const configuration = configurationOf([
    poolSettings('lint', { limit: 1 }),
    poolSettings('small', { limit: 9 }),
  ]);
  const [host] = configuration.hosts;
  assert.ok(host);
  const watch = createLimitsWatch(configuration);
  const byPool = new Map<PoolName, number>();
  const alive = (): number => [...byPool.values()].reduce((sum, count) => sum + count, 0);
  const observer = watch.observer({ ...host, limit: 2 }, () => ({ alive: alive(), byPool }));
  const bear = (name: string): void => {
    const pool = name as PoolName;
    byPool.set(pool, (byPool.get(pool) ?? 0) + 1);
    observer.born({ pool });
  };
  bear('lint');
  bear('small');
  assert.deepEqual(watch.broken(), []);
  bear('lint');
  assert.deepEqual(watch.broken(), [
    `host ${host.name} has 3 machines alive, its limit is 2`,
    'pool lint has 2 machines alive, its limit is 1',
  ]);
  assert.deepEqual(
    [watch.births(), watch.mostOfHost(host.name), watch.mostOfPool('lint' as PoolName)],
    [3, 3, 2],
  );
});
