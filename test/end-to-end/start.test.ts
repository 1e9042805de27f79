import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SimulatedGitHub } from '../../src/adapters/github/simulated/server.ts';
import { runChild, standIn, startChild } from './child.ts';
import { appKeys, startGitHub, webhookSecret } from './harness.ts';

describe('a start', () => {
  let gitHub: SimulatedGitHub;
  let directory: string;
  const configuration = {
    hosts: { here: { type: 'local', limit: 1 } },
    pools: { small: { host: 'here', os: 'linux', labels: ['small'], limit: 1, command: standIn } },
  } as const;

  before(async () => {
    gitHub = await startGitHub({}, (world) => {
      world.addOrganisation('beta');
      world.install('beta');
    });
    directory = mkdtempSync(join(tmpdir(), 'runners-start-'));
  });
  after(async () => {
    await gitHub.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const refused = async (change: Partial<Parameters<typeof runChild>[0]>) => {
    const { status, said } = await runChild({ gitHub, configuration, directory, ...change });
    assert.equal(status, 1, said);
    assert.doesNotMatch(said, /\n\s+at .*:\d+:\d+/, 'no stack');
    assert.ok(!said.includes(webhookSecret) && !said.includes(appKeys.privateKey.slice(40, 80)), 'no secret');
    return said;
  };

  test('with two installations and no `allow` is refused, and names them', async () => {
    const said = await refused({});
    assert.match(said, /installed 2 times \(acme, beta\).*allow: \{ owners: \[\.\.\.\] \}/s);
  });

  test('with a key that is not the App’s is refused with what to look at', async () => {
    const other = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    for (const environment of [{ GITHUB_APP_ID: '999' }, { GITHUB_APP_PRIVATE_KEY: other.privateKey }]) {
      assert.match(await refused({ environment }), /id and its private key must belong together/);
    }
  });

  test('with half an App, a configuration that is wrong, or a port of nonsense is refused with all that is wrong', async () => {
    assert.match(
      await refused({ environment: { GITHUB_WEBHOOK_SECRET: '' } }),
      /GITHUB_WEBHOOK_SECRET: it is not set/,
    );
    assert.match(await refused({ environment: { PORT: 'http' } }), /PORT: 'http' is not allowed/);
    const wrong = { ...configuration, hosts: { here: { type: 'local', limit: -1 } } } as const;
    assert.match(await refused({ configuration: wrong }), /hosts\.here\.limit.*-1/s);
  });

  test('without PUBLIC_URL is refused where machines call back', async () => {
    const away = {
      allow: { owners: ['acme'] },
      hosts: { away: { type: 'simulated', limit: 1 } },
      pools: { small: { host: 'away', os: 'linux', labels: ['small'], limit: 1 } },
    } as const;
    assert.match(await refused({ configuration: away }), /PUBLIC_URL: it is not set.*host away/s);
  });

  test('goes on where GitHub is out of reach, if it knows whom to serve', async () => {
    const environment = { GITHUB_API_URL: 'http://127.0.0.1:9' };
    const allowed = { ...configuration, allow: { owners: ['acme'] } };
    const child = await startChild({ gitHub, configuration: allowed, directory, environment });
    try {
      assert.match(child.said(), /GitHub can not be asked about the App now/);
      assert.equal((await fetch(`${child.url}/healthz`)).status, 200);
    } finally {
      assert.equal(await child.stop(), 0);
    }
    assert.match(await refused({ environment }), /only one installation is served/);
  });
});
