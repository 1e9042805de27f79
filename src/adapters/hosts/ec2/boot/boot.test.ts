// The boot script of Linux runs for real; those of macOS and Windows are read, as far as that goes here.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSystemClock } from '../../../clock/system/index.ts';
import { userDataBytesMax, userDataOf } from './index.ts';
import { type BootMachine, identity, makeBootMachine } from './testing-machine.ts';

const clock = createSystemClock();
const jitConfig = 'eyJqaXQiOiJjb25maWcrLz0ifQ==';
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const granted = { status: 200, body: { runner: 'any', jitConfig, traceparent } };

/** What GitHub's runner does, as far as the script sees it: it is given a configuration, listens, and calls its hook. */
const runner = `#!/bin/sh
printf '%s' "$ACTIONS_RUNNER_INPUT_JITCONFIG" >given-config
printf '%s' "$TRACEPARENT" >given-trace
tr '\\0' ' ' </proc/$$/cmdline >given-arguments
echo "Current runner version: '2.336.0'"
echo 'Listening for Jobs'
GITHUB_REPOSITORY=acme/app GITHUB_RUN_ID=7 "$ACTIONS_RUNNER_HOOK_JOB_STARTED" || echo "the hook failed"
`;

async function onMachine(
  given: Omit<Parameters<typeof makeBootMachine>[0], 'path'>,
  run: (machine: BootMachine) => Promise<void>,
): Promise<void> {
  const machine = await makeBootMachine({ ...given, path: process.env['PATH'] ?? '' });
  try {
    await run(machine);
  } finally {
    await machine.close();
  }
}

describe('the boot script of Linux', { concurrency: 4 }, () => {
  test('claims with the identity document, runs one job, tells its milestones, and ends the machine', () =>
    onMachine({ claim: () => granted }, async (machine) => {
      machine.writeRunner(runner);
      await machine.boot('install');
      const { code, output } = await machine.boot('run');
      assert.equal(code, 0, output);
      const claim = machine.knocks.find(({ path }) => path === '/runners/claim');
      assert.deepEqual(JSON.parse(claim?.body ?? ''), {
        runner: 'own1-ec2-build-00000000000000000000000001',
        identity: identity.replaceAll('\n', ''),
      });
      const given = (file: string) => readFileSync(join(machine.runnerFolder, file), 'utf8');
      assert.equal(given('given-config'), jitConfig);
      assert.equal(given('given-trace'), traceparent);
      assert.equal(given('given-arguments').includes(jitConfig), false);
      await until(() => machine.milestones().length === 4);
      assert.deepEqual(machine.milestones().sort(), ['booted', 'jobEnded', 'jobStarted', 'registered']);
      const started = machine.knocks.find(({ body }) => body.includes('jobStarted'));
      assert.equal((JSON.parse(started?.body ?? '') as { detail: string }).detail, 'acme/app run 7');
      const registered = machine.knocks.find(({ body }) => body.includes('registered'));
      assert.equal((JSON.parse(registered?.body ?? '') as { detail: string }).detail, 'runner 2.336.0');
      assert.deepEqual(machine.calls('shutdown'), ['-P now']);
      const armed = machine.calls('systemd-run');
      assert.equal(armed.length, 2, 'at the boot, and again for the job');
      for (const call of armed) assert.match(call, /--on-active=3600s shutdown -P now$/);
      assert.equal(output.includes(jitConfig), false, 'the configuration is in the log');
    }));

  test('waits at the door as long as it is told to, and goes in once it is let in', () =>
    onMachine(
      {
        claim: (times) =>
          [
            { status: 401 },
            { status: 202, retryAfterSeconds: 10 },
            { status: 429, retryAfterSeconds: 3_000 },
            { status: 503 },
          ][times - 1] ?? granted,
      },
      async (machine) => {
        machine.writeRunner('#!/bin/sh\ntrue\n');
        await machine.boot('run');
        assert.deepEqual(machine.calls('sleep'), ['5', '10', '300', '5']);
        assert.equal(machine.knocks.filter(({ path }) => path === '/runners/claim').length, 5);
        assert.deepEqual(machine.calls('shutdown'), ['-P now']);
      },
    ));

  test('claims under the name that its tags have by then', () =>
    onMachine(
      {
        claim: (times) => (times < 3 ? { status: 202 } : granted),
      },
      async (machine) => {
        machine.writeRunner('#!/bin/sh\ntrue\n');
        const names = () =>
          machine.knocks
            .filter(({ path }) => path === '/runners/claim')
            .map(({ body }) => (JSON.parse(body) as { runner: string }).runner);
        const booted = machine.boot('run');
        await until(() => names().length >= 1);
        machine.tags.set('runners:name', 'own1-ec2-build-00000000000000000000000002');
        await booted;
        assert.equal(names()[0], 'own1-ec2-build-00000000000000000000000001');
        assert.equal(names().at(-1), 'own1-ec2-build-00000000000000000000000002');
      },
    ));

  test('ends the machine at once where it is not wanted any more', () =>
    onMachine({ claim: () => ({ status: 410 }) }, async (machine) => {
      machine.writeRunner(runner);
      await machine.boot('run');
      assert.deepEqual(machine.calls('shutdown'), ['-P now']);
      assert.equal(existsSync(join(machine.runnerFolder, 'given-config')), false);
    }));

  test('ends the machine where its proof is refused for long', () =>
    onMachine({ claim: () => ({ status: 401 }) }, async (machine) => {
      machine.writeRunner(runner);
      await machine.boot('run');
      assert.equal(machine.knocks.filter(({ path }) => path === '/runners/claim').length, 10);
      assert.deepEqual(machine.calls('shutdown'), ['-P now']);
    }));

  test('ends the machine where its runner fails, and where it has no tags', () =>
    onMachine({ claim: () => granted }, async (machine) => {
      machine.writeRunner('#!/bin/sh\nexit 7\n');
      await machine.boot('run');
      assert.deepEqual(machine.calls('shutdown'), ['-P now']);
      machine.tags.delete('runners:name');
      await machine.boot('run');
      assert.deepEqual(machine.calls('shutdown'), ['-P now', '-P now']);
    }));

  test('takes no tag that would end a text in its request', () =>
    onMachine({ claim: () => granted }, async (machine) => {
      machine.writeRunner(runner);
      for (const [key, value] of [
        ['runners:name', 'a","x":"'],
        ['runners:claim', 'http://elsewhere.test/runners/claim'],
        ['runners:lifetime', '1; true'],
      ] as const) {
        const good = machine.tags.get(key) ?? '';
        machine.tags.set(key, value);
        await machine.boot('run');
        machine.tags.set(key, good);
      }
      assert.equal(machine.knocks.filter(({ path }) => path.startsWith('/runners/')).length, 0);
      assert.equal(machine.calls('shutdown').length, 3);
    }));

  test('installs itself as a service that runs at every boot', () =>
    onMachine({}, async (machine) => {
      const { code, output } = await machine.boot();
      assert.equal(code, 0, output);
      const unit = readFileSync(join(machine.folder, 'units', 'ephemeral-runner.service'), 'utf8');
      const program = /^ExecStart=(\S+) run$/m.exec(unit)?.[1] ?? '';
      assert.equal(readFileSync(program, 'utf8'), readFileSync(join(machine.folder, 'user-data'), 'utf8'));
      assert.equal(statSync(program).mode & 0o777, 0o755);
      assert.deepEqual(machine.calls('systemctl'), [
        'daemon-reload',
        'enable --now --no-block ephemeral-runner.service',
      ]);
      assert.equal(machine.knocks.length, 0);
    }));

  for (const checked of [true, false]) {
    test(`installs GitHub's ${checked ? 'runner of a version, checked,' : 'newest runner'} where the image has none`, async () => {
      const archive = packRunner(runner);
      const sha256 = createHash('sha256').update(archive).digest('hex');
      await onMachine(
        {
          claim: () => granted,
          ...(checked && { runner: { version: '2.999.1', sha256 } }),
          releases: (path, response) => {
            if (path === '/releases/latest')
              response.writeHead(302, { location: 'http://127.0.0.1/releases/tag/v2.999.1' }).end();
            else if (path === '/releases/download/v2.999.1/actions-runner-linux-x64-2.999.1.tar.gz')
              response.end(archive);
            else response.writeHead(404).end();
          },
        },
        async (machine) => {
          const { output } = await machine.boot('run');
          assert.equal(readFileSync(join(machine.runnerFolder, 'given-config'), 'utf8'), jitConfig, output);
          assert.ok(existsSync(join(machine.runnerFolder, 'dependencies-installed')));
        },
      );
    });
  }

  test('runs no runner whose checksum is another', () =>
    onMachine(
      {
        claim: () => granted,
        runner: { version: '2.999.1', sha256: '0'.repeat(64) },
        releases: (_, response) => void response.end(packRunner(runner)),
      },
      async (machine) => {
        const { output } = await machine.boot('run');
        assert.match(output, /another checksum/);
        assert.equal(existsSync(machine.runnerFolder), false);
        assert.equal(machine.knocks.filter(({ path }) => path === '/runners/claim').length, 0);
        assert.deepEqual(machine.calls('shutdown'), ['-P now']);
      },
    ));
});

describe('boot scripts', () => {
  const machine = { architecture: 'arm64', runner: { version: '2.336.0', sha256: 'a'.repeat(64) } } as const;

  for (const os of ['linux', 'macos', 'windows'] as const) {
    test(`of ${os} are below the size that EC2 takes, with every option, and with room for what comes`, () => {
      const shipping = { logsGroup: `/${'s'.repeat(60)}/runners/${'h'.repeat(10)}` };
      assert.ok(Buffer.byteLength(userDataOf(os, machine)) < userDataBytesMax * 0.75);
      assert.ok(Buffer.byteLength(userDataOf(os, machine, shipping)) < userDataBytesMax * 0.9);
    });
  }

  for (const os of ['linux', 'macos'] as const) {
    test(`of ${os} can be read by a plain shell`, () => {
      const { status, stderr } = spawnSync('sh', ['-n'], { input: userDataOf(os, machine) });
      assert.equal(status, 0, stderr.toString());
    });
  }

  test('of Windows are a task that runs at every boot, with the script whole', () => {
    const [head = '', body = ''] = userDataOf('windows', machine).split('        content: |-\n');
    assert.deepEqual(head.trimEnd().split('\n'), [
      'version: 1.1',
      'tasks:',
      '  - task: executeScript',
      '    inputs:',
      '      - frequency: always',
      '        type: powershell',
      '        runAs: localSystem',
    ]);
    // A block of YAML: every line is at its depth, or empty.
    assert.deepEqual(
      body.split('\n').filter((line) => line !== '' && !line.startsWith(' '.repeat(10))),
      [],
    );
    const content = body.replace(/^ {10}/gm, '');
    const script = readFileSync(new URL('windows.ps1', import.meta.url), 'utf8');
    assert.ok(content.endsWith(script));
    assert.match(content, /^\$Architecture = 'arm64'$/m);
    // The configuration goes by the environment, and the machine ends whatever happens.
    assert.match(script, /\$env:ACTIONS_RUNNER_INPUT_JITCONFIG = /);
    assert.match(
      script,
      /finally \{\s+if \(\$LogsGroup\) \{ Send-LastLog \}\s+cmd\.exe \/c 'shutdown\.exe \/a 2>nul'\s+shutdown\.exe \/s \/f \/t 0\s+\}\s*$/,
    );
    // In PowerShell 5.1 a redirected error stream ends the script at its first line.
    assert.doesNotMatch(script.replace(/'[^']*'/g, ''), /2>/);
    for (const bracket of ['{}', '()', '[]']) {
      const count = (character: string) => script.split(character).length;
      assert.equal(count(bracket.charAt(0)), count(bracket.charAt(1)), `unbalanced ${bracket}`);
    }
  });

  test('take no value that would end a text of theirs', () => {
    assert.throws(() => userDataOf('linux', machine, { user: "a'b" }), /a quote/);
  });
});

function packRunner(script: string): Buffer {
  const folder = execFileSync('mktemp', ['-d']).toString().trim();
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'run.sh'), script, { mode: 0o755 });
  const install = '#!/bin/sh\ntouch "$(dirname "$0")/../dependencies-installed"\n';
  writeFileSync(join(folder, 'bin', 'installdependencies.sh'), install, { mode: 0o755 });
  const packed = execFileSync('tar', ['-czf', '-', '-C', folder, 'run.sh', 'bin']);
  execFileSync('rm', ['-rf', folder]);
  return packed;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = clock.now() + 10_000;
  while (!condition()) {
    assert.ok(clock.now() < deadline, 'waited for long, in vain');
    await clock.sleep(5);
  }
}
