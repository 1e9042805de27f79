// The programs of the image run for real, from their source; what stands for GitHub's runner is a few lines of shell.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSystemClock } from '../../../clock/system/index.ts';
import { buildContextOf } from './context.ts';
import { readHookBody } from './payload.ts';
import { type ImageMachine, makeImageMachine, told } from './testing-machine.ts';

const clock = createSystemClock();
const jitConfig = 'eyJqaXQiOiJjb25maWcrLz0ifQ==';
const granted = { status: 200, body: { runner: told.runner, jitConfig, traceparent: '' } };

/** What GitHub's runner does, as far as the program sees it: it is given a configuration, and listens. */
const runner = `#!/bin/sh
printf '%s' "$ACTIONS_RUNNER_INPUT_JITCONFIG" >given-config
printf '%s' "$TRACEPARENT" >given-trace
tr '\\0' ' ' </proc/$$/cmdline >given-arguments
env | cut -d = -f 1 | sort >given-names
echo 'Listening for Jobs'
`;

async function onMachine(
  given: Partial<Parameters<typeof makeImageMachine>[0]>,
  run: (machine: ImageMachine) => Promise<void>,
): Promise<void> {
  const machine = await makeImageMachine({ claim: () => granted, runner, ...given });
  try {
    await run(machine);
  } finally {
    await machine.close();
  }
}

describe('the programs of a MicroVM', { concurrency: 3 }, () => {
  test('claim when they are run, run one job, tell its milestones, and end', () =>
    onMachine({}, async (machine) => {
      assert.equal(await machine.hook('ready'), 200);
      assert.equal(await machine.hook('validate'), 200);
      assert.equal(machine.claims.length, 0, 'nothing is claimed for an image');
      assert.equal(await machine.run(), 200);
      assert.equal(await machine.ended, 0, machine.output());
      assert.deepEqual(machine.claims, [{ runner: told.runner, token: told.token }]);
      const given = (file: string) => readFileSync(join(machine.folder, 'actions-runner', file), 'utf8');
      assert.equal(given('given-config'), jitConfig);
      assert.equal(given('given-trace'), told.traceparent);
      assert.equal(given('given-arguments').includes(jitConfig), false);
      assert.deepEqual(machine.milestones().sort(), ['booted', 'jobEnded', 'registered']);
      for (const secret of [jitConfig, told.token])
        assert.equal(machine.output().includes(secret), false, 'a secret is in the log');
      assert.doesNotMatch(given('given-names'), /NODE_TEST|AWS_|npm_/, "this computer's environment");
    }));

  test("refuse to run for who is not of this system, and so end a machine that is nobody's", () =>
    onMachine({}, async (machine) => {
      assert.equal(await machine.hook('run'), 400);
      assert.equal(await machine.hook('run', { microvmId: 'microvm-1', runHookPayload: '{}' }), 400);
      assert.equal(await machine.hook('run', { runHookPayload: 'x'.repeat(40_000) }), 413);
      assert.equal(machine.claims.length, 0);
    }));

  test('run once, whoever calls their hooks afterwards', () =>
    onMachine({ claim: () => ({ status: 202 }) }, async (machine) => {
      assert.equal(await machine.run(), 200);
      assert.equal(await machine.run(), 409);
      assert.equal(await machine.hook('terminate'), 404);
    }));

  test('wait at the door for as long as they are told to, and go in once they are let in', () =>
    onMachine(
      {
        claim: (times) =>
          [{ status: 401 }, { status: 202 }, { status: 429 }, { status: 503 }][times - 1] ?? granted,
      },
      async (machine) => {
        await machine.run();
        assert.equal(await machine.ended, 0, machine.output());
        assert.equal(machine.claims.length, 5);
        assert.match(machine.output(), /the claim was refused: 401/);
      },
    ));

  test('ask at once when they are resumed, and do not wait for their time', () =>
    onMachine(
      { claim: (times) => (times === 1 ? { status: 202, retryAfterSeconds: 300 } : granted) },
      async (machine) => {
        await machine.run();
        await until(() => machine.claims.length === 1);
        assert.equal(await machine.hook('resume'), 200);
        // The line may come before the pause has begun; Lambda calls the hook of one that has slept for long.
        await until(async () => {
          if (machine.claims.length === 1) await machine.hook('resume').catch(() => 0);
          return machine.claims.length === 2;
        });
        assert.equal(await machine.ended, 0);
      },
    ));

  test('end where the machine is not wanted, and run nothing', () =>
    onMachine({ claim: () => ({ status: 410 }) }, async (machine) => {
      await machine.run();
      assert.equal(await machine.ended, 1);
      assert.equal(existsSync(join(machine.folder, 'actions-runner', 'given-config')), false);
    }));

  test('end where they are refused again and again', () =>
    onMachine({ claim: () => ({ status: 403 }), places: { pauseSeconds: 0.01 } }, async (machine) => {
      await machine.run();
      assert.equal(await machine.ended, 1);
      assert.equal(machine.claims.length, 10);
    }));
});

describe('what a hook is told', () => {
  const good = { ...told, claimUrl: 'https://example.test/runners/claim' };

  test('is the text of the launch, in its envelope or alone', () => {
    assert.deepEqual(readHookBody(JSON.stringify(good)), good);
    const enveloped = { microvmId: 'microvm-1', runHookPayload: JSON.stringify(good) };
    assert.deepEqual(readHookBody(JSON.stringify(enveloped)), good);
  });

  test('is nothing where it is no launch of this system', () => {
    for (const bad of [
      { ...good, claimUrl: 'http://example.test/runners/claim' },
      { ...good, claimUrl: 'https://example.test/"/claim' },
      { ...good, runner: 'not a name' },
      { ...good, token: 'two words' },
      { ...good, traceparent: '$(id)' },
      { runner: good.runner },
      null,
      [],
    ])
      assert.equal(readHookBody(JSON.stringify(bad)), null);
    assert.equal(readHookBody('no json'), null);
  });
});

describe("what a pool's image is built from", () => {
  test('is the same for the same machine, and has what the pool wants in its lines', () => {
    const plain = buildContextOf({ packages: [] });
    assert.deepEqual(buildContextOf({ packages: [] }), plain);
    assert.match(plain['Dockerfile'] ?? '', /^ARG RUNNER_VERSION=2\.\d+\.\d+$/m);
    const sha256 = 'a'.repeat(64);
    const wanted = buildContextOf({ packages: ['gcc-c++', 'make'], runner: { version: '2.400.0', sha256 } });
    assert.match(wanted['Dockerfile'] ?? '', /^ARG RUNNER_VERSION=2\.400\.0$/m);
    assert.match(wanted['Dockerfile'] ?? '', /^ARG RUNNER_SHA256=a{64}$/m);
    assert.match(wanted['Dockerfile'] ?? '', /^ARG PACKAGES="gcc-c\+\+ make"$/m);
  });

  test('makes nothing secret or random before a machine runs: that is in a program of its own', () => {
    const { 'hooks.mjs': hooks = '', 'work.mjs': work = '' } = buildContextOf({ packages: [] });
    assert.doesNotMatch(hooks, /\bfetch\(|node:crypto|node:https|node:tls/);
    assert.match(work, /\bfetch\(/);
  });
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = clock.now() + 10_000;
  while (!(await condition())) {
    assert.ok(clock.now() < deadline, 'waited for long, in vain');
    await clock.sleep(5);
  }
}
