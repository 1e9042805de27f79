// Pools on hosts whose platform ends a machine at some age, whatever it does: what can't be kept there is refused, with
// what to take instead.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfiguration } from './check.ts';
import { describeProblem } from './problem.ts';

const short = {
  host: 'functions',
  os: 'linux',
  labels: ['self-hosted', 'short'],
  limit: 4,
  jobMinutesMax: 10,
};
const functions = { type: 'lambda', limit: 8 };

function problemsOf(pool: object, host: object = {}): string[] {
  const checked = checkConfiguration({
    hosts: { functions: { ...functions, ...host } },
    pools: { short: { ...short, ...pool } },
  });
  return checked.outcome === 'refused' ? checked.problems.map(describeProblem) : [];
}

test('a pool on Lambda needs a job time that ends before the function does, and is told what to take instead', () => {
  assert.deepEqual(problemsOf({}), []);
  const { jobMinutesMax: _none, ...rest } = short;
  const checked = checkConfiguration({ hosts: { functions }, pools: { short: rest } });
  assert.ok(checked.outcome === 'refused');
  assert.deepEqual(checked.problems.map(describeProblem), [
    [
      'pools.short.jobMinutesMax: 370 is too long, as functions (type lambda) ends every machine after 15 minutes',
      '  allowed: at most 10.33: the rest is for the boot (bootSeconds, 120), waiting for a job (idleSeconds, 100) and stopping one (60 s)',
      "  to do:   set it to what the pool's jobs take; for longer jobs take a host of another type: microvm (up to 8 hours), kubernetes or ec2",
    ].join('\n'),
  ]);
  assert.match(problemsOf({ jobMinutesMax: 10.34 })[0] ?? '', /at most 10\.33/);
  assert.deepEqual(problemsOf({ jobMinutesMax: 12.5, idleSeconds: 30, bootSeconds: 60 }), []);
  assert.match(problemsOf({ idleSeconds: 600, bootSeconds: 300 })[0] ?? '', /at most 0:/);
});

test('what a function can not do is refused with what can', () => {
  assert.match(
    problemsOf({ machine: { containers: 'docker' } })[0] ?? '',
    /pools\.short\.machine\.containers.*no Docker.*kubernetes .*ec2 or microvm/s,
  );
  assert.match(problemsOf({ os: 'windows' })[0] ?? '', /'windows' does not run on functions/);
  assert.match(problemsOf({ spares: 1 })[0] ?? '', /1 is not allowed, as machines of functions/);
  assert.match(
    problemsOf({ machine: { image: 'ghcr.io/actions/actions-runner:latest' } })[0] ?? '',
    /an image in ECR with its tag or digest/,
  );
  assert.match(
    problemsOf({ machine: { architecture: 'riscv' } })[0] ?? '',
    /machine\.architecture.*'x64' or 'arm64'/s,
  );
  assert.match(problemsOf({}, { options: { reservedPerRunner: 100 } })[0] ?? '', /reservedPerRunner.*10/s);
});
