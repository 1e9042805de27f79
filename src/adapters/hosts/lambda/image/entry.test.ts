// The image's program runs for real, in the stand-in's environments; its runner is a script.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSystemClock } from '../../../clock/system/index.ts';
import { roleCredentials } from '../testing/environment.ts';
import { type FunctionWorld, makeFunctionWorld, type WorldSettings } from '../testing/world.ts';

const clock = createSystemClock();
const name = 'own1-fn-short-00000000000000000000000001';
const jitConfig = 'eyJqaXQiOiJjb25maWcrLz0ifQ==';
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const granted = { status: 200, body: { runner: name, jitConfig, traceparent } };

/** What GitHub's runner does, as far as the program sees it: it is given a configuration, listens, and calls its hook. */
const runner = `#!/bin/bash
echo "given $ACTIONS_RUNNER_INPUT_JITCONFIG" | tr -d '\\n' | base64 -w0; echo
echo "trace $TRACEPARENT"
echo "folder $PWD home $HOME"
tr '\\0' ' ' </proc/$$/cmdline; echo
echo 'Listening for Jobs'
echo 'Running job: build (linux)'
"$ACTIONS_RUNNER_HOOK_JOB_STARTED" || echo 'the hook failed'
`;

async function inWorld(
  given: Partial<WorldSettings>,
  run: (world: FunctionWorld) => Promise<void>,
): Promise<void> {
  const world = await makeFunctionWorld({
    clock,
    path: process.env['PATH'] ?? '',
    claim: () => granted,
    ...given,
  });
  try {
    await run(world);
  } finally {
    await world.close();
  }
}

const payloadOf = (world: FunctionWorld, at = 0): unknown =>
  (world.results[at]?.['detail'] as { responsePayload: unknown } | undefined)?.responsePayload;

async function until(what: string, isSo: () => boolean): Promise<void> {
  const end = clock.now() + 20_000;
  while (!isSo()) {
    assert.ok(clock.now() < end, `waited in vain: ${what}`);
    await clock.sleep(10);
  }
}

/** What was killed, and is still on the list of an ancestor that does not look, is dead. */
function isAlive(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) [ZX] /.test(readFileSync(file, 'utf8'));
}

describe("the image's program", { concurrency: 4 }, () => {
  test('claims with the token and a key of its own, runs one runner, tells its milestones, and answers', () =>
    inWorld({ variables: { RUNNER_JOB_SECONDS: '600' } }, async (world) => {
      world.writeRunner(runner);
      world.invoke();
      await world.ended(1);
      assert.deepEqual(payloadOf(world), { outcome: 'ended', why: 'its runner has ended' });
      const [claim] = world.claims();
      assert.deepEqual(Object.keys(claim?.body ?? {}).sort(), ['key', 'runner', 'token']);
      assert.match(String(claim?.body['key']), /^[\w-]{43}$/);
      assert.deepEqual([...world.milestones()].sort(), ['booted', 'jobEnded', 'jobStarted', 'registered']);
      const started = world.knocks.find(({ body }) => body['milestone'] === 'jobStarted');
      assert.equal(started?.body['detail'], 'build (linux)');
      const output = world.output();
      assert.ok(output.includes(Buffer.from(`given ${jitConfig}`).toString('base64')), output);
      assert.ok(output.includes(`trace ${traceparent}`));
      assert.match(output, /folder \/.*\/runner home \/.*\/home/);
      assert.match(output, /stopped then/);
      assert.match(output, /at \d\d:\d\d:\d\d UTC, 1[23]\nminutes/);
      assert.equal(output.includes(jitConfig), false, 'the configuration is in the log');
      assert.equal(output.includes('1.the-token-of-a-test'), false, 'the token is in the log');
      assert.equal(world.ends[0]?.happened, 'gone');
      assert.equal(world.ends[0]?.name, name);
    }));

  test("leaves the role's credentials in no process that a job could look at", () =>
    inWorld({}, async (world) => {
      world.writeRunner(`#!/bin/bash
        env | sort
        pid=$$
        while [ "$pid" -gt 1 ] && [ "$pid" -ne ${process.pid} ]; do
          echo "process $pid"; tr '\\0' '\\n' <"/proc/$pid/environ"
          pid=$(sed -n 's/^PPid:\\t//p' "/proc/$pid/status")
        done`);
      world.invoke();
      await world.ended(1);
      const output = world.output();
      assert.ok((output.match(/process \d+/g) ?? []).length >= 2, output);
      for (const secret of Object.values(roleCredentials)) assert.equal(output.includes(secret), false);
      assert.doesNotMatch(output, /^(?:_?AWS_|_HANDLER|LAMBDA_|_X_AMZN)/m);
    }));

  test('of two invocations of one event lets one become the runner, and says nothing of the other', () => {
    let first: unknown = null;
    return inWorld(
      {
        claim: ({ body }) => {
          first ??= body['key'];
          return body['key'] === first
            ? granted
            : { status: 401, body: { message: "it does not have the machine's own key" } };
        },
      },
      async (world) => {
        world.writeRunner(`#!/bin/bash\necho "a runner"\nsleep 0.5\n`);
        world.invoke({ times: 2 });
        await world.ended(2);
        assert.equal((world.output().match(/a runner/g) ?? []).length, 1);
        assert.equal(new Set(world.claims().map(({ body }) => body['key'])).size, 2);
        assert.deepEqual(
          [payloadOf(world, 0), payloadOf(world, 1)]
            .map((one) => (one as { outcome: string }).outcome)
            .sort(),
          ['ended', 'spent'],
        );
        assert.equal(world.ends.length, 1);
      },
    );
  });

  test('waits at the door as long as it is told to, with the same proof', () =>
    inWorld(
      {
        claim: (_, times) =>
          [
            { status: 429, retryAfterSeconds: 1 },
            { status: 503, retryAfterSeconds: 1 },
          ][times - 1] ?? granted,
      },
      async (world) => {
        world.writeRunner('#!/bin/bash\ntrue\n');
        world.invoke();
        await world.ended(1);
        assert.equal(world.claims().length, 3);
        assert.equal(new Set(world.claims().map(({ body }) => JSON.stringify(body))).size, 1);
      },
    ));

  test('ends where it is not wanted, and frees the place only where nobody has the runner', async () => {
    await inWorld(
      { claim: () => ({ status: 410, body: { message: 'it is being removed', claimed: false } }) },
      async (world) => {
        world.writeRunner(runner);
        world.invoke();
        await world.ended(1);
        assert.match(world.ends[0]?.cause ?? '', /not wanted any more: it is being removed/);
        assert.equal(world.output().includes('Listening'), false);
      },
    );
    await inWorld(
      { claim: () => ({ status: 410, body: { message: 'it is registered' } }) },
      async (world) => {
        world.writeRunner(runner);
        world.invoke();
        await world.ended(1);
        assert.deepEqual(world.ends, []);
      },
    );
  });

  test('fails with its reason where its proof is refused, where its event is strange, where it has no runner', async () => {
    await inWorld(
      { claim: () => ({ status: 401, body: { message: 'the proof is not good' } }) },
      async (world) => {
        world.writeRunner(runner);
        world.invoke();
        await world.ended(1);
        assert.match(world.ends[0]?.cause ?? '', /could not become a runner: .*ClaimRefused.*not good/);
      },
    );
    await inWorld({}, async (world) => {
      world.writeRunner(runner);
      const strange = [
        { runner: 'a b' },
        { claimUrl: 'http://elsewhere.test/runners/claim' },
        { claimUrl: 'https://a.test/ runners' },
        { token: 'a$(b)' },
        { lifetimeSeconds: '1; true' },
      ];
      for (const change of strange) world.invoke({ change });
      await world.ended(strange.length);
      for (const at of strange.keys())
        assert.equal((payloadOf(world, at) as { errorType: string }).errorType, 'Runner.BadEvent');
      assert.deepEqual(world.knocks, []);
    });
    await inWorld({}, async (world) => {
      world.invoke();
      await world.ended(1);
      assert.match(world.ends[0]?.cause ?? '', /NoRoom/);
    });
  });

  test('stops a job before the function is over, in order, and says so', () =>
    inWorld({ settings: { timeoutSeconds: 62 } }, async (world) => {
      world.writeRunner(`#!/bin/bash
        trap 'echo "told to end"; exit 0' TERM
        echo 'Running job: endless'
        while :; do sleep 0.1; done`);
      world.invoke();
      await world.ended(1);
      assert.match(world.output(), /told to end/);
      assert.deepEqual(payloadOf(world), {
        outcome: 'stopped',
        why: "its job ran until the function's time was over, and was stopped",
      });
      assert.match(world.ends[0]?.cause ?? '', /time was over/);
    }));

  test('claims nothing where there is no time left for a job', () =>
    inWorld({ settings: { timeoutSeconds: 12 } }, async (world) => {
      world.writeRunner(runner);
      world.invoke();
      await world.ended(1);
      assert.match(world.ends[0]?.cause ?? '', /ClaimUnanswered.*none/);
      assert.deepEqual(world.claims(), []);
    }));

  test('ends an idle runner that no job could be given any more with all its time', () =>
    inWorld({ variables: { RUNNER_JOB_SECONDS: '10' } }, async (world) => {
      world.writeRunner(`#!/bin/bash
        trap 'exit 0' TERM
        echo 'Listening for Jobs'
        while :; do sleep 0.1; done`);
      world.invoke({ change: { lifetimeSeconds: 12 } });
      await world.ended(1);
      assert.match(String((payloadOf(world) as { why: string }).why), /idle for so long/);
    }));

  test('leaves nothing for the next where an environment is used again', () =>
    inWorld({ settings: { tenantIsolation: false } }, async (world) => {
      mkdirSync(join(world.runnerFolder, 'bin'));
      writeFileSync(join(world.runnerFolder, 'bin', 'listener'), '');
      world.writeRunner(`#!/bin/bash
        ls -A "$PWD/.." "$HOME" "$PWD"
        [ -L externals ] && [ -f bin/listener ] && echo "a runner of its own"
        touch "$HOME/left" ../left left; mkdir ../closed; touch ../closed/in; chmod 000 ../closed
        sleep 1000 & echo "left: $!"`);
      world.invoke();
      await world.ended(1);
      await until('the environment is free', () => world.platform.running().length === 0);
      const [, left] = /left: (\d+)/.exec(world.output()) ?? [];
      world.invoke({ runner: name.replace(/1$/, '2') });
      await world.ended(2);
      assert.equal(world.environments.made(), 1);
      const output = world.output();
      assert.equal((output.match(/a runner of its own/g) ?? []).length, 2, output);
      assert.equal(/^left$|^closed$/m.test(output), false, output);
      assert.equal(isAlive(Number(left)), false, 'a process was left over');
    }));
});
