import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { awsConfiguration } from '../../../test/fixtures/aws-configuration.ts';
import { hostTypes } from '../../config/host-types.ts';
import type { HostName } from '../../core/ids.ts';
import { type BundledFunction, bundleFunctions } from './bundle.ts';
import { functionKinds, functions } from './functions.ts';

const kib = 1_024;
const zippedBytesMax = { bundled: 300 * kib, runtime: 150 * kib };

describe('the bundled functions', () => {
  const configuration = awsConfiguration();
  let folder = '';
  let bundles: BundledFunction[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bundles-'));
    const outDirectory = join(folder, 'bundled');
    bundles = await bundleFunctions({
      configuration,
      outDirectory,
      sdk: 'bundled',
      secretsStore: 'secretsManager',
    });
  });
  after(() => rm(folder, { recursive: true }));

  it('are one of each kind, and a launcher and a terminator for each host and operating system', () => {
    const names = bundles.map(({ name }) => name).sort();
    const single = functionKinds.filter((kind) => kind !== 'launcher' && kind !== 'terminator');
    const perSystem = ['lab-linux', 'lab-windows', 'mac-macos'];
    const orchestrator = perSystem.flatMap((system) => [`launcher-${system}`, `terminator-${system}`]);
    assert.deepEqual(names, [...single, ...orchestrator].sort());
    const launcher = bundles.find(({ name }) => name === 'launcher-mac-macos');
    assert.equal(launcher?.host, 'mac');
    assert.equal(launcher?.os, 'macos');
  });

  it('hold the clients of exactly the services that the table of functions gives them', () => {
    for (const bundle of bundles) {
      const { table, sends, secret, trigger } = functions[bundle.kind];
      const wanted = [
        ...(table.length > 0 ? ['dynamodb'] : []),
        ...(secret === null ? [] : ['secrets-manager']),
        ...(sends.includes('publisherTopic') || sends.includes('jobsTopic') ? ['sns'] : []),
        ...(trigger.kind === 'queue' || sends.includes('timer') || sends.includes('steps') ? ['sqs'] : []),
      ];
      const found = filesOf(bundle).flatMap((file) => /@aws-sdk\/client-([^/]+)\//.exec(file)?.[1] ?? []);
      assert.deepEqual([...new Set(found)].sort(), wanted, bundle.name);
    }
  });

  it('hold GitHub where they have the key of the App, and nowhere else', () => {
    for (const bundle of bundles) {
      const hasOctokit = filesOf(bundle).some((file) => file.includes('@octokit/'));
      assert.equal(hasOctokit, functions[bundle.kind].secret === 'app', bundle.name);
    }
  });

  it('hold a way to their hosts where they call them, and not where they read what hosts tell', () => {
    const way = 'src/adapters/hosts/simulated/remote.ts';
    for (const bundle of bundles)
      assert.equal(filesOf(bundle).includes(way), functions[bundle.kind].hosts !== 'none', bundle.name);
  });

  it('hold nothing that only a deploy, a test or another deployment needs', () => {
    const foreign =
      /aws-cdk|constructs|esbuild|infrastructure|testing|contract|hosts\/index\.ts|src\/config\/|embedded|emulated|credential-provider|@octokit\/(?!core|endpoint|request|graphql|auth-token)/;
    for (const bundle of bundles)
      assert.deepEqual(
        filesOf(bundle).filter((file) => foreign.test(file)),
        [],
        bundle.name,
      );
  });

  it('import nothing but what Node brings', () => {
    for (const { name, metafile } of bundles)
      for (const { imports } of Object.values(metafile.outputs))
        assert.deepEqual(
          imports.filter(({ path }) => !path.startsWith('node:')),
          [],
          name,
        );
  });

  it('are small', () => {
    for (const { name, zippedBytes } of bundles) assert.ok(zippedBytes <= zippedBytesMax.bundled, name);
  });

  it('carry the configuration, with what is fixed about its hosts', async () => {
    for (const { directory } of bundles) {
      const carried: unknown = JSON.parse(await readFile(join(directory, 'configuration.json'), 'utf8'));
      const traits = {
        configuration: 'claimed',
        standby: true,
        endGraceMs: 10_000,
        listStalenessMs: 30_000,
        callEffectMs: 60_000,
      };
      assert.deepEqual(carried, { configuration, traits: { lab: traits, mac: traits } });
    }
  });

  it('are small without the SDK too, and keep the secrets elsewhere where they are told to', async () => {
    const outDirectory = join(folder, 'runtime');
    const lean = await bundleFunctions({
      configuration,
      kinds: ['webhook', 'messenger', 'steps'],
      outDirectory,
      sdk: 'runtime',
      secretsStore: 'parameterStore',
    });
    for (const { name, kind, zippedBytes, metafile } of lean) {
      assert.ok(zippedBytes <= zippedBytesMax.runtime, name);
      const imported = Object.values(metafile.outputs).flatMap(({ imports }) =>
        imports.map(({ path }) => path),
      );
      assert.equal(imported.includes('@aws-sdk/client-secrets-manager'), false, name);
      assert.equal(imported.includes('@aws-sdk/client-ssm'), functions[kind].secret !== null, name);
    }
  });

  it('are small with the client of EC2 too, whose service has some thousand kinds of messages', async () => {
    const options: unknown = hostTypes['ec2']?.options.parse({});
    const onEc2 = await bundleFunctions({
      configuration: {
        ...configuration,
        hosts: configuration.hosts.map((host) => ({ ...host, type: 'ec2', options })),
      },
      kinds: ['launcher'],
      outDirectory: join(folder, 'ec2'),
      sdk: 'bundled',
      secretsStore: 'secretsManager',
    });
    assert.ok(onEc2.length > 0);
    for (const bundle of onEc2) {
      assert.ok(
        filesOf(bundle).some((file) => file.includes('@aws-sdk/client-ec2/')),
        bundle.name,
      );
      assert.ok(bundle.zippedBytes <= zippedBytesMax.bundled, `${bundle.name}: ${bundle.zippedBytes}`);
    }
  });

  it('are refused for a host that functions can not reach', async () => {
    const [first] = configuration.hosts;
    assert.ok(first);
    const hosts = [{ ...first, name: 'office' as HostName, type: 'local' }];
    const refused = bundleFunctions({
      configuration: { ...configuration, hosts },
      outDirectory: join(folder, 'refused'),
      sdk: 'bundled',
      secretsStore: 'secretsManager',
    });
    await assert.rejects(refused, /host office is of type local.*Remedy/);
  });
});

/** Those of which anything is in the code. */
function filesOf({ metafile }: BundledFunction): string[] {
  return Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
}
