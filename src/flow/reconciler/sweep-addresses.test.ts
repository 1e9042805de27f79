import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf } from '../../../test/fixtures/books.ts';
import type { GitHub, InstallationRef } from '../../ports/github.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import { hookAddressesSweep, sweepHookAddresses } from './sweep-addresses.ts';

const hourMs = 3_600_000;
const known: Sweep = {
  ...hookAddressesSweep,
  nextAt: 0,
  lastAt: null,
  touchedAt: 0,
  state: { ranges: ['198.51.100.0/24'] },
};

function look(installations: InstallationRef[], ranges: string[]) {
  const asked: number[] = [];
  const github = {
    installations: async () => installations,
    hookAddresses: async (installation) => {
      asked.push(installation);
      return ranges;
    },
  } satisfies Partial<GitHub> as unknown as GitHub;
  const next = sweepHookAddresses({ github, configuration: configurationOf([]) }, known);
  return { next, asked };
}

const acme = { id: 7, account: 'acme', suspended: false };

describe('a look at the addresses that webhooks come from', () => {
  it('keeps what GitHub says, for an hour', async () => {
    const { next, asked } = look([acme], ['192.30.252.0/22', '2a0a:a440::/29']);
    assert.deepEqual(await next, {
      afterMs: hourMs,
      state: { ranges: ['192.30.252.0/22', '2a0a:a440::/29'] },
    });
    assert.deepEqual(asked, [7]);
  });

  it('asks by an installation that is not suspended, and keeps what is known where there is none', async () => {
    const suspended = { ...acme, id: 1, suspended: true };
    const asksAcme = look([suspended, acme], []);
    await asksAcme.next;
    assert.deepEqual(asksAcme.asked, [7]);
    const { next, asked } = look([suspended], ['10.0.0.0/8']);
    assert.deepEqual(await next, { afterMs: hourMs, state: known.state });
    assert.deepEqual(asked, []);
  });

  it('refuses a list that can not be meant', async () => {
    const ranges = Array.from({ length: 501 }, (_, i) => `10.0.${i % 256}.0/24`);
    await assert.rejects(look([acme], ranges).next, /501 ranges.*500/);
  });
});
