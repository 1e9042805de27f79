import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type DeploymentPrefix,
  gitHubName,
  type HostName,
  isDeploymentPrefix,
  isHostName,
  isPoolName,
  jobKey,
  ownRunnerName,
  type PoolName,
  parseJobKey,
  parseRunnerName,
  runnerName,
  ulid,
} from './ids.ts';

const prefix = 'ab12' as DeploymentPrefix;
const host = 'ec2' as HostName;
const zero = '0'.repeat(26);
const named = (pool: string, by = prefix) => runnerName(by, host, pool as PoolName, zero);

describe("a runner's name", () => {
  it('says prefix, host, pool and when, and is read back', () => {
    const name = named('linux-x64');
    assert.equal(name, `ab12-ec2-linux-x64-${zero}`);
    assert.deepEqual(parseRunnerName(name), { prefix: 'ab12', host: 'ec2', ulid: zero });
  });

  it('has the pool cut to twelve, never ending in a hyphen, and is 57 long at most', () => {
    assert.equal(named('ios-builder-large'), `ab12-ec2-ios-builder-${zero}`);
    const longest = runnerName(
      'abc123' as DeploymentPrefix,
      'abcdefghij' as HostName,
      'abcdefghijklmnop' as PoolName,
      zero,
    );
    assert.equal(longest.length, 57);
  });

  it('is read back whatever deployment, host and pool it is made of', () => {
    const word = (min: number, max: number) => fc.stringMatching(new RegExp(`^[a-z0-9]{${min},${max}}$`));
    const pool = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/);
    fc.assert(
      fc.property(word(4, 6), word(1, 10), pool, fc.nat(2 ** 40), (by, at, of, now) => {
        let seed = 7;
        const chance = ulid(now, () => {
          seed = (seed * 16_807) % 2_147_483_647;
          return seed / 2_147_483_647;
        });
        const name = runnerName(by as DeploymentPrefix, at as HostName, of as PoolName, chance);
        assert.deepEqual(parseRunnerName(name), { prefix: by, host: at, ulid: chance });
        assert.equal(ownRunnerName(by as DeploymentPrefix, name), name);
      }),
    );
  });

  it("of another deployment, or of anybody else, is a stranger's", () => {
    assert.equal(ownRunnerName(prefix, named('lint', 'zz99' as DeploymentPrefix)), null);
    for (const name of [
      '',
      'runner-1',
      `ab12-ec2-lint-${'u'.repeat(26)}`,
      `${named('lint')}x`,
      null,
      undefined,
    ])
      assert.equal(ownRunnerName(prefix, name), null);
    assert.equal(parseRunnerName(`ab12-ec2-lint-${zero}\n`), null);
  });

  it('is never made of what is none', () => {
    assert.throws(() => named('Linux'), /not a runner's name: ab12-ec2-Linux/);
    assert.throws(
      () => runnerName(prefix, 'a-b' as HostName, 'lint' as PoolName, 'short'),
      /not a runner's name/,
    );
  });
});

describe('other ids', () => {
  it("a job's key is read back, and nothing else is", () => {
    const key = jobKey(gitHubName('GitHub.Com'), 123);
    assert.deepEqual(parseJobKey(key), { github: 'github.com', id: 123 });
    for (const text of ['', '#1', 'github.com#', 'github.com#1x', 'a#b#1', `github.com#${'9'.repeat(17)}`])
      assert.equal(parseJobKey(text), null, text);
  });

  it('are checked', () => {
    assert.ok(isHostName('ec2') && !isHostName('') && !isHostName('a-b') && !isHostName('abcdefghijk'));
    assert.ok(isPoolName('a') && isPoolName('linux-x64') && !isPoolName('-a') && !isPoolName('a-'));
    assert.ok(!isPoolName('a'.repeat(41)) && isPoolName('a'.repeat(40)) && !isPoolName('A'));
    assert.ok(isDeploymentPrefix('ab12') && !isDeploymentPrefix('abc') && !isDeploymentPrefix('abcdefg'));
  });

  it('a ULID sorts by its time', () => {
    const at = (now: number) => ulid(now, () => 0.5);
    fc.assert(
      fc.property(fc.nat(2 ** 45), fc.nat(2 ** 45), (a, b) => {
        if (a < b) assert.ok(at(a) < at(b));
        assert.match(at(a), /^[0-9a-hjkmnp-tv-z]{26}$/);
      }),
    );
  });
});
