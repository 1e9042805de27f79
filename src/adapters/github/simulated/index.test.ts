import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GitHubError } from '../../../ports/github.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createSimulatedGitHub } from './index.ts';
import { createTestWorld } from './testing.ts';
import type { WorldOptions } from './world.ts';

// What every GitHub promises is in the port's contract; here is what is this adapter's own.

function given(options: Partial<WorldOptions> = {}, latencyMs = 0) {
  const clock = createVirtualClock(Date.UTC(2026, 10, 1));
  const here = createTestWorld(clock, createSeededRandom('adapter'), options);
  const scope = { owner: 'acme', repository: null, installation: here.acme.id };
  const registration = (name: string) => ({ name, labels: ['linux'], group: 'default', workFolder: '_work' });
  const github = createSimulatedGitHub(here.world, { latencyMs: () => latencyMs });
  return { clock, github, scope, registration, ...here };
}

test('a runner costs one request, its group one for all of them', async () => {
  const { github, scope, registration } = given();
  await github.mintRunner(scope, registration('one'));
  assert.equal(github.rateLeft(scope.installation)?.remaining, 4_998);
  await github.mintRunner(scope, registration('two'));
  assert.equal(github.rateLeft(scope.installation)?.remaining, 4_997);
});

test('an answer takes its time, and takes effect in the middle of it', async () => {
  const { clock, github, scope, registration, world } = given({}, 80);
  await Promise.all([github.listRunners(scope), clock.advance(80)]);
  const minting = github.mintRunner({ ...scope, repository: 'app' }, registration('one'));
  await clock.advance(39);
  assert.equal(world.state.runners.size, 0);
  await clock.advance(2);
  assert.equal(world.state.runners.size, 1);
  const answered = minting.then(() => clock.now());
  const askedAt = clock.now() - 41;
  await clock.advance(1_000);
  assert.equal((await answered) - askedAt, 80);
});

test('after a limit nothing more is asked before its time', async () => {
  const asked: string[] = [];
  const { clock, github, scope, registration } = given({
    faults: {
      answer: (route) => {
        asked.push(route);
        return asked.length === 1 ? 'limited' : null;
      },
    },
  });
  const refused = async () => {
    const error: unknown = await github.listRunners(scope).catch((reason: unknown) => reason);
    assert.ok(error instanceof GitHubError);
    assert.deepEqual([error.kind, error.retryAt], ['limited', Date.UTC(2026, 10, 1) + 60_000]);
  };
  await refused();
  await clock.advance(59_000);
  await refused();
  assert.equal(asked.length, 1);
  await clock.advance(1_000);
  assert.equal((await github.mintRunner(scope, registration('one'))).outcome, 'minted');
});
