import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import { hookAddressesSweep } from '../../flow/reconciler/sweep-addresses.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import { createHookAddressCheck } from './hook-addresses.ts';

const minuteMs = 60_000;

function world(read: () => unknown) {
  const clock = createVirtualClock(0);
  const telemetry = createRecorder();
  let reads = 0;
  const table = {
    async readSweep(kind: Sweep['kind'], subject: string): Promise<Sweep | null> {
      assert.deepEqual({ kind, subject }, { ...hookAddressesSweep });
      reads += 1;
      const state = read();
      return state === null ? null : { kind, subject, nextAt: 0, lastAt: null, touchedAt: 0, state };
    },
  };
  return {
    clock,
    telemetry,
    reads: () => reads,
    passes: createHookAddressCheck({ table, clock, telemetry }),
  };
}

describe('the addresses that webhooks are taken from', () => {
  it('are the ranges that GitHub names, of both families', async () => {
    const { passes } = world(() => ({ ranges: ['192.30.252.0/22', '2a0a:a440::/29'] }));
    for (const address of ['192.30.252.1', '192.30.255.255', '2a0a:a440::1', '::ffff:192.30.252.1'])
      assert.equal(await passes(address), true, address);
    for (const address of ['192.30.251.255', '192.31.0.1', '2a0b::1', '', 'localhost', null])
      assert.equal(await passes(address), false, String(address));
  });

  it('are all, until there is a list, and where GitHub names none', async () => {
    const lists = [null, null, { ranges: [] }, { ranges: ['no range', '10.0.0.0/33'] }, 'nothing'];
    for (const list of lists) assert.equal(await world(() => list).passes('203.0.113.9'), true);
  });

  it('are read once in five minutes, however many webhooks come, and once a minute until there are any', async () => {
    let list: unknown = null;
    const { clock, passes, reads } = world(() => list);
    const knockFor = async (minutes: number) => {
      for (let at = 0; at < minutes * 6; at += 1) {
        await passes('203.0.113.9');
        await clock.advance(minuteMs / 6);
      }
    };
    await knockFor(3);
    assert.equal(reads(), 3);
    list = { ranges: ['203.0.113.0/24'] };
    await knockFor(10);
    assert.equal(reads(), 5);
  });

  it('stay as they were while the table does not answer', async () => {
    let isAway = false;
    const { clock, passes, telemetry } = world(() => {
      if (isAway) throw new Error('throttled');
      return { ranges: ['203.0.113.0/24'] };
    });
    assert.equal(await passes('198.51.100.1'), false);
    isAway = true;
    await clock.advance(10 * minuteMs);
    assert.equal(await passes('198.51.100.1'), false);
    assert.equal(await passes('203.0.113.1'), true);
    assert.equal(telemetry.logs().length, 1);
  });
});
