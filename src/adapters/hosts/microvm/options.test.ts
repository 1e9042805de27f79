import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkConfiguration } from '../../../config/check.ts';

function problemsOf(pool: object, options: object = {}): string[] {
  const checked = checkConfiguration({
    allow: { owners: ['acme'] },
    hosts: { vm: { type: 'microvm', limit: 5, options } },
    pools: { build: { host: 'vm', os: 'linux', labels: ['self-hosted', 'build'], limit: 5, ...pool } },
  });
  if (checked.outcome === 'accepted') return [];
  return checked.problems.map((problem) => Object.values(problem).join(' — '));
}

describe('a pool on MicroVMs', () => {
  test('is accepted as one writes it first', () => {
    assert.deepEqual(problemsOf({}), []);
    assert.deepEqual(problemsOf({ jobMinutesMax: 450, machine: { memoryMb: 8192, packages: ['make'] } }), []);
  });

  for (const [says, pool, instead] of [
    ['with jobs longer than a MicroVM may live', { jobMinutesMax: 470 }, /kubernetes or ec2/],
    ['of Windows', { os: 'windows' }, /'windows' does not run on vm.*another type/s],
    ['of macOS', { os: 'macos' }, /'macos' does not run on vm.*another type/s],
    [
      'for x64',
      { machine: { architecture: 'x64' } },
      /MicroVMs have no other.*for x64 take a host of another type: ec2, kubernetes or lambda/,
    ],
    [
      'of a size that there is not',
      { machine: { memoryMb: 16_384 } },
      /512, 1024, 2048, 4096 or 8192 .*ec2 or kubernetes/,
    ],
    ['with a package that is a command', { machine: { packages: ['make; id'] } }, /name of a package/],
  ] as const)
    test(`${says} is refused, and told what to take instead`, () => {
      const problems = problemsOf(pool);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', instead);
    });
});
