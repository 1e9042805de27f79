import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobMinutesTable, machines, sourcesOf, usdOfJob, usdPerMinute } from '../bench/price/job-minutes.ts';

const found = (host: string, says: string) =>
  machines.find((one) => one.host === host && one.says.startsWith(says)) ?? assert.fail(`${host} ${says}`);
const isNear = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 5e-5, `${actual}, not ${expected}`);

describe('what a minute of a job costs', () => {
  it('is the sum of what the machine is made of', () => {
    isNear(usdPerMinute(found('microvm', '4 GB')), (2 * 0.0000276944 + 4 * 0.0000036667) * 60);
    isNear(usdPerMinute(found('lambda', '4 GB, x64')), 4 * 0.0000166667 * 60);
    isNear(usdPerMinute(found('GitHub', 'Linux, 2 cores')), 0.006);
  });

  it('is more for a short job, by what is paid around it', () => {
    const machine = found('ec2', 'm7i.large on demand');
    isNear(usdOfJob(machine, 90) ?? 0, usdPerMinute(machine) * ((90 + 75) / 60));
    isNear(usdOfJob(found('GitHub', 'Linux, 2 cores'), 90) ?? 0, 2 * 0.006);
    assert.equal(usdOfJob(found('lambda', '4 GB, x64'), 1800), null, 'no function lives so long');
  });

  it('has each machine with where its prices are from', () => {
    const table = jobMinutesTable();
    for (const machine of machines) {
      assert.ok(usdPerMinute(machine) > 0, machine.says);
      assert.ok(table.includes(`| ${machine.host} | ${machine.says} |`));
      assert.ok(sourcesOf(machine).length > 0);
    }
  });
});
