import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import { App, Stack, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { demandConfiguration } from '../../../config/check.ts';
import { poolsOfHost } from '../../../core/configuration.ts';
import type { HostName, PoolName } from '../../../core/ids.ts';
import type { HostInfrastructure } from '../infrastructure.ts';
import { createInfrastructure } from './infrastructure.ts';
import { imageNameLengthMax, imagePrefixOf, imageSuffixOf, madeVariable, readMade } from './made.ts';

const host = 'vm' as HostName;

function configured(pools: Record<string, object>, options: object = {}) {
  const { configuration } = demandConfiguration({
    allow: { owners: ['acme'] },
    hosts: { vm: { type: 'microvm', limit: 20, options } },
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, given]) => [
        name,
        { host: 'vm', os: 'linux', limit: 9, labels: ['self-hosted', name], ...given },
      ]),
    ),
  });
  return configuration;
}

function synthesized(pools: Record<string, object>, options?: object) {
  const configuration = configured(pools, options);
  const [settings] = configuration.hosts;
  assert.ok(settings);
  const app = new App();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const stack = new Stack(app, 'hosts', { env: { account: '123456789012', region: 'eu-west-1' } });
  const made = createInfrastructure(stack, {
    stackName: 'github-runners',
    settings,
    pools: poolsOfHost(configuration, host),
    vpc: () => assert.fail('it needs no network'),
  });
  return { stack, made, template: Template.fromStack(stack), assembly: () => app.synth() };
}

const build = { machine: { memoryMb: 8192, packages: ['gcc-c++', 'make'] } };
const ready = { spares: 2, jobMinutesMax: 60 };

describe('what a host on MicroVMs is made of', () => {
  let stack: Stack;
  let made: HostInfrastructure;
  let template: Template;
  let assembly: ReturnType<typeof synthesized>['assembly'];
  before(() => {
    ({ stack, made, template, assembly } = synthesized({ build, ready }));
  });

  const statements = () =>
    [...made.permissions, ...(made.launchPermissions ?? [])].map(
      (statement) =>
        stack.resolve(statement.toStatementJson()) as {
          Action: string | string[];
          Resource: string | string[];
        },
    );

  test('an image for each pool, of its size, with the hooks that its programs answer', () => {
    const images = Object.values(template.findResources('AWS::Lambda::MicrovmImage')).map(
      ({ Properties }) => Properties as Record<string, unknown>,
    );
    assert.deepEqual(
      images.map(({ Name }) => Name),
      ['github-runners_vm_build', 'github-runners_vm_ready'],
    );
    assert.deepEqual(
      images.map(({ Resources }) => Resources),
      [[{ MinimumMemoryInMiB: 8192 }], [{ MinimumMemoryInMiB: 4096 }]],
    );
    for (const image of images) {
      assert.deepEqual(image['CpuConfigurations'], [{ Architecture: 'ARM_64' }]);
      const { Port, MicrovmHooks } = image['Hooks'] as {
        Port: number;
        MicrovmHooks: Record<string, unknown>;
      };
      assert.equal(Port, 9000);
      assert.deepEqual(
        [MicrovmHooks['Run'], MicrovmHooks['Resume'], MicrovmHooks['Suspend'], MicrovmHooks['Terminate']],
        ['ENABLED', 'ENABLED', 'DISABLED', 'DISABLED'],
      );
    }
  });

  test('is uploaded with the runner, the packages of the pool and the programs, and nothing secret', () => {
    const { directory } = assembly();
    const texts = (JSON.parse(readFileSync(join(directory, 'hosts.assets.json'), 'utf8')) as Assets).files;
    const folders = Object.values(texts)
      .map(({ source }) => join(directory, source.path))
      .filter((folder) => existsSync(join(folder, 'Dockerfile')));
    assert.equal(folders.length, 2);
    const dockerfiles = folders.map((folder) => readFileSync(join(folder, 'Dockerfile'), 'utf8'));
    assert.ok(dockerfiles.some((text) => text.includes('ARG PACKAGES="gcc-c++ make"')));
    for (const folder of folders)
      assert.match(readFileSync(join(folder, 'hooks.mjs'), 'utf8'), /lambda-microvms\/runtime\/v1/);
  });

  test('may launch from its own images, and nothing else; its machines have no role', () => {
    const [launching] = statements().filter(({ Action }) => Action === 'lambda:RunMicrovm');
    const resources = JSON.stringify(launching?.Resource);
    assert.match(resources, /microvm-image:github-runners_vm_build/);
    assert.match(resources, /microvm-image:github-runners_vm_ready/);
    assert.doesNotMatch(resources, /\*/);
    assert.deepEqual(
      statements().filter(({ Action }) => JSON.stringify(Action).includes('PassRole')),
      [],
    );
    const roles = Object.values(template.findResources('AWS::IAM::Role'));
    assert.equal(roles.length, 1, 'the one that images are built as');
    assert.match(JSON.stringify(roles[0]), /sts:TagSession/);
  });

  test('calls nothing that it is not permitted to', () => {
    const allowed = new Set(statements().flatMap(({ Action }) => Action));
    for (const call of ['Run', 'Get', 'Suspend', 'Resume', 'Terminate'])
      assert.ok(allowed.has(`lambda:${call}Microvm`), call);
    assert.ok(allowed.has('lambda:ListMicrovms'));
    assert.equal(made.events.length, 0);
  });

  test('tells the functions what the adapter reads', () => {
    const text = JSON.stringify(stack.resolve(made.environment[madeVariable(host)]));
    assert.match(text, /LatestActiveImageVersion/);
    const written = {
      imagePrefix: 'arn:aws:lambda:eu-west-1:123456789012:microvm-image:github-runners_vm_',
      pools: { build: '3.0/22500/0', ready: '1.0/3900/1' },
      ingress: 'arn:in',
      egress: 'arn:out',
    };
    const { pools } = readMade({ [madeVariable(host)]: JSON.stringify(written) }, host);
    assert.deepEqual(pools.get('ready'), {
      image: `${written.imagePrefix}ready`,
      version: '1.0',
      lifeSeconds: 3900,
      hasSpares: true,
    });
    assert.throws(() => readMade({}, host), /MICROVM_VM is not set\. Remedy: deploy again/);
  });
});

interface Assets {
  files: Record<string, { source: { path: string } }>;
}

describe('a host on MicroVMs', () => {
  test('has machines of your own network where you name a connector', () => {
    const egressConnector = 'arn:aws:lambda:eu-west-1:123456789012:network-connector:ours';
    const { made, template, stack } = synthesized({ build }, { egressConnector });
    template.hasResourceProperties('AWS::Lambda::MicrovmImage', {
      EgressNetworkConnectors: [egressConnector],
    });
    const pass = made.launchPermissions
      ?.map((statement) => JSON.stringify(stack.resolve(statement.toStatementJson())))
      .find((text) => text.includes('PassNetworkConnector'));
    assert.match(pass ?? '', /network-connector:ours/);
    assert.doesNotMatch(pass ?? '', /INTERNET_EGRESS/);
  });

  test('has no spares that are too old for a job within an hour', () => {
    const long = { spares: 1, jobMinutesMax: 430 };
    assert.throws(() => synthesized({ long }), /pool long .*too old for a job within an hour.*Remedy/);
    assert.doesNotThrow(() => synthesized({ long: { ...long, spares: 0 } }));
  });

  test('has images whose names fit, whatever its pools are called, and are told apart', () => {
    const long = `${'p'.repeat(30)}-one` as PoolName;
    const other = `${'p'.repeat(30)}-two` as PoolName;
    const prefix = imagePrefixOf('s'.repeat(30), 'h'.repeat(10) as HostName);
    for (const pool of [long, other]) {
      const name = `${prefix}${imageSuffixOf(pool)}`;
      assert.ok(name.length <= imageNameLengthMax, name);
      assert.match(name, /^[a-zA-Z0-9-_]+$/);
    }
    assert.notEqual(imageSuffixOf(long), imageSuffixOf(other));
  });
});
