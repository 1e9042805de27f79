import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { STSClient } from '@aws-sdk/client-sts';
import { createSystemClock } from '../../../../adapters/clock/system/index.ts';
import { startStubGitHub, testPrivateKey } from '../../../../adapters/github/app/testing.ts';
import { demandConfiguration } from '../../../../config/check.ts';
import { describeProblem } from '../../../../config/problem.ts';
import type { HostName } from '../../../../core/ids.ts';
import { deployableTypes } from '../deployable.ts';
import {
  type AwsAnswer,
  clientsFor,
  type StubAws,
  someIdentity,
  startStubAws,
  variablesFor,
} from '../testing.ts';
import { checkAll } from './all.ts';
import { readBootstrap } from './bootstrap.ts';
import { checkHosts, checkIdentityKeys, checkImageBuilder } from './configuration.ts';
import { readIdentity } from './credentials.ts';
import { checkEnvironment } from './environment-file.ts';
import { checkTraces } from './traces.ts';

const clock = createSystemClock();
const appId = '42';
const webhookSecret = 'a webhook secret of the test';

describe('checks before a deploy', () => {
  let aws: StubAws;
  let folder: string;
  before(async () => {
    aws = await startStubAws();
    folder = mkdtempSync(join(tmpdir(), 'deploy-checks-'));
  });
  after(async () => {
    await aws.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    aws.calls.length = 0;
    aws.answer = wellPrepared;
  });

  function wellPrepared({ operation }: { operation: string }): AwsAnswer {
    if (operation === 'GetCallerIdentity') return someIdentity;
    return { json: { Parameter: { Value: '28' } } };
  }

  function fileOf(name: string, text: string): string {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  describe('of where traces go', () => {
    const seen = async (answer: AwsAnswer, to = 'xray') => {
      aws.answer = () => answer;
      const clients = clientsFor(aws.url);
      const checked = await checkTraces(clients.xray, { tracing: { to, sampleRatio: 1 } }, 'eu-central-1');
      clients.close();
      return checked;
    };
    const destination = (Destination: string, Status = 'ACTIVE') => ({ json: { Destination, Status } });

    test('Transaction Search that is on is all that X-Ray needs', async () => {
      const checked = await seen(destination('CloudWatchLogs'));
      assert.deepEqual(checked, { problems: [], warnings: [] });
      assert.deepEqual(
        aws.calls.map(({ operation }) => operation),
        ['GetTraceSegmentDestination'],
      );
    });

    test('one that is off is a problem, with what to do about it', async () => {
      const { problems, warnings } = await seen(destination('XRay'));
      assert.deepEqual(warnings, []);
      const text = problems.map(describeProblem).join();
      assert.match(text, /Transaction Search is off in region eu-central-1/);
      assert.match(text, /update-trace-segment-destination --destination CloudWatchLogs/);
    });

    test('one that is coming, or that can not be seen, is a warning', async () => {
      const coming = await seen(destination('CloudWatchLogs', 'PENDING'));
      assert.deepEqual(coming.problems, []);
      assert.match(coming.warnings.join(), /being turned on/);
      const denied = await seen({ error: 'AccessDeniedException', message: 'not authorized' });
      assert.deepEqual(denied.problems, []);
      assert.match(denied.warnings.join(), /Allow xray:GetTraceSegmentDestination/);
    });

    test('X-Ray is not asked where spans go elsewhere, or nowhere', async () => {
      assert.deepEqual(await seen(destination('XRay'), 'https://otlp.example.com/v1/traces'), {
        problems: [],
        warnings: [],
      });
      assert.deepEqual(aws.calls, []);
    });
  });

  describe('of credentials', () => {
    for (const [error, what, remedy] of [
      ['ExpiredToken', /they have expired/, /aws sso login/],
      ['InvalidClientTokenId', /AWS does not know them/, /AWS_SESSION_TOKEN/],
      ['AccessDenied', /denies the request/, /GetCallerIdentity/],
      ['SomethingNew', /did not take them: SomethingNew/, /get-caller-identity/],
    ] as const) {
      test(`${error} is told with its own remedy`, async () => {
        aws.answer = () => ({ error });
        const clients = clientsFor(aws.url);
        const read = await readIdentity(clients.sts);
        clients.close();
        assert.ok('problem' in read);
        assert.match(read.problem.what, what);
        assert.match(read.problem.remedy, remedy);
      });
    }

    test('a clock that is wrong is not told as wrong keys', async () => {
      aws.answer = () => ({
        error: 'SignatureDoesNotMatch',
        message: 'Signature expired: 2026 is now earlier than',
      });
      const clients = clientsFor(aws.url);
      const read = await readIdentity(clients.sts);
      clients.close();
      assert.ok('problem' in read);
      assert.match(read.problem.what, /clock/);
      assert.match(read.problem.remedy, /NTP/);
    });

    for (const [message, what] of [
      ['Could not load credentials from any providers', /there are none/],
      ['The SSO session associated with this profile has expired', /they have expired/],
    ] as const) {
      test(`the SDK's “${message}” is told`, async () => {
        const sts = new STSClient({
          region: 'eu-central-1',
          credentials: () =>
            Promise.reject(Object.assign(new Error(message), { name: 'CredentialsProviderError' })),
        });
        const read = await readIdentity(sts);
        sts.destroy();
        assert.ok('problem' in read);
        assert.match(read.problem.what, what);
      });
    }

    test('an address where nobody listens is told as no way to AWS', async () => {
      const gone = await startStubAws();
      await gone.close();
      const sts = new STSClient({
        region: 'eu-central-1',
        endpoint: gone.url,
        maxAttempts: 1,
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      });
      const read = await readIdentity(sts);
      sts.destroy();
      assert.ok('problem' in read);
      assert.match(read.problem.what, /not reached/);
      assert.match(read.problem.remedy, /HTTPS_PROXY/);
    });
  });

  describe('of the bootstrap', () => {
    async function look(answer: AwsAnswer) {
      aws.answer = () => answer;
      const clients = clientsFor(aws.url);
      const seen = await readBootstrap(clients.ssm, '123456789012', 'eu-central-1');
      clients.close();
      return seen;
    }

    test('one that was never made is told with the command that makes it', async () => {
      const seen = await look({ error: 'ParameterNotFound' });
      assert.ok(seen.outcome === 'missing');
      assert.match(seen.problem.remedy, /npx cdk bootstrap aws:\/\/123456789012\/eu-central-1/);
      assert.match(seen.problem.remedy, /--bootstrap/);
    });

    test('one that is too old is told with its version', async () => {
      const seen = await look({ json: { Parameter: { Value: '3' } } });
      assert.ok(seen.outcome === 'missing');
      assert.match(seen.problem.what, /its version is 3/);
    });

    test('one that may not be looked at is no reason to make it', async () => {
      const seen = await look({ error: 'AccessDeniedException', message: 'no' });
      assert.ok(seen.outcome === 'denied');
      assert.match(seen.problem.remedy, /ssm:GetParameter/);
    });

    test('a new one is fine', async () => {
      assert.deepEqual(await look({ json: { Parameter: { Value: '28' } } }), { outcome: 'there' });
    });
  });

  describe('of hosts', () => {
    const host = (name: string, type: string) => ({
      name: name as HostName,
      type,
      limit: 1,
      launchBurst: 1,
      launchesPerSecond: 1,
      options: {},
    });

    test('a local one can not be deployed anywhere', () => {
      const [problem] = checkHosts({ hosts: [host('office', 'local')] }, ['ec2', 'simulated'], true);
      assert.equal(problem?.place, 'hosts.office');
      assert.match(problem?.what ?? '', /beside `make start`/);
      assert.match(problem?.allowed ?? '', /ec2, simulated/);
    });

    test('a stand-in is refused at AWS, and taken at an emulator', () => {
      const hosts = [host('play', 'simulated'), host('build', 'ec2')];
      assert.deepEqual(
        checkHosts({ hosts }, ['ec2', 'simulated'], false).map(({ place }) => place),
        ['hosts.play'],
      );
      assert.deepEqual(checkHosts({ hosts }, ['ec2', 'simulated'], true), []);
    });

    test('one on EC2 in a region whose key is not known is refused, unless its certificate is given', () => {
      const hosts = [host('build', 'ec2'), host('play', 'simulated')];
      assert.deepEqual(checkIdentityKeys({ hosts }, 'eu-central-1'), []);
      const [problem, ...more] = checkIdentityKeys({ hosts }, 'xx-new-1');
      assert.deepEqual(more, []);
      assert.equal(problem?.place, 'hosts.build');
      assert.match(problem?.remedy ?? '', /identityCertificate/);
      const identityCertificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
      const given = [{ ...host('build', 'ec2'), options: { identityCertificate } }];
      assert.deepEqual(checkIdentityKeys({ hosts: given }, 'xx-new-1'), []);
    });

    test("a pool on Lambda whose image would be built here needs Docker, or another's image", () => {
      const on = (machine: object) =>
        demandConfiguration({
          hosts: { fn: { type: 'lambda', limit: 1 } },
          pools: { lint: { host: 'fn', os: 'linux', labels: ['lint'], limit: 1, jobMinutesMax: 5, machine } },
        }).configuration;
      const [problem, ...more] = checkImageBuilder(on({}), { PATH: folder });
      assert.deepEqual(more, []);
      assert.equal(problem?.place, 'pools.lint.machine');
      assert.match(problem?.what ?? '', /with docker, which is not there/);
      assert.match(problem?.remedy ?? '', /machine\.image.*or install Docker/);
      const image = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/ours/runner:1';
      assert.deepEqual(checkImageBuilder(on({ image }), { PATH: folder }), []);
      fileOf('builder', '');
      assert.deepEqual(checkImageBuilder(on({}), { PATH: `/nowhere:${folder}`, CDK_DOCKER: 'builder' }), []);
    });

    test('without any there is nothing to deploy', () => {
      assert.equal(checkHosts({ hosts: [] }, ['ec2'], false)[0]?.what, 'there are none');
    });

    test('those that can be deployed have an opener and infrastructure', async () => {
      const { hostInfrastructures } = await import('../../infrastructure/hosts.ts');
      assert.deepEqual(deployableTypes(), Object.keys(hostInfrastructures).sort());
    });
  });

  describe('of the environment', () => {
    const app = () => ({
      GITHUB_APP_ID: appId,
      GITHUB_APP_PRIVATE_KEY: testPrivateKey(),
      GITHUB_WEBHOOK_SECRET: webhookSecret,
    });

    test('a missing .env is told with where to begin', () => {
      const read = checkEnvironment({}, join(folder, 'no.env'));
      assert.ok(read.outcome === 'refused');
      assert.match(read.problems[0]?.what ?? '', /no such file/);
      assert.match(read.problems[0]?.remedy ?? '', /copy \.env\.example/);
    });

    test('one without an App is told as such', () => {
      const read = checkEnvironment({}, fileOf('empty.env', '# nothing\n'));
      assert.ok(read.outcome === 'refused');
      assert.match(read.problems[0]?.what ?? '', /nothing of a GitHub App/);
    });

    test('each missing variable is told by its name', () => {
      const read = checkEnvironment({ GITHUB_APP_ID: appId }, '.env');
      assert.ok(read.outcome === 'refused');
      assert.deepEqual(
        read.problems.map(({ place }) => place),
        ['GITHUB_APP_PRIVATE_KEY', 'GITHUB_WEBHOOK_SECRET'],
      );
    });

    test('a key that is none is told, and not shown', () => {
      const cut = testPrivateKey().slice(0, 300);
      const read = checkEnvironment({ ...app(), GITHUB_APP_PRIVATE_KEY: cut }, '.env');
      assert.ok(read.outcome === 'refused');
      const text = read.problems.map(describeProblem).join();
      assert.match(text, /cut: its last line/);
      assert.doesNotMatch(text, new RegExp(cut.slice(60, 90).replaceAll('+', '\\+')));
    });

    test('two secrets are read while one replaces the other', () => {
      const previous = 'the secret before this one';
      const read = checkEnvironment({ ...app(), GITHUB_WEBHOOK_SECRET_PREVIOUS: previous }, '.env');
      assert.ok(read.outcome === 'read');
      assert.equal(read.read.webhookSecret, webhookSecret);
      assert.equal(read.read.webhookSecretPrevious, previous);
    });
  });

  describe('all together', () => {
    const configuration = {
      hosts: { play: { type: 'simulated', limit: 1 } },
      pools: { lint: { host: 'play', os: 'linux', labels: ['lint'], limit: 1 } },
    };

    function check(variables: Record<string, string>, mayBootstrap = false) {
      return checkAll({
        variables,
        environmentFile: join(folder, 'no.env'),
        deployable: ['simulated'],
        mayBootstrap,
        clock,
        random: () => 0.5,
      });
    }

    test('all that is missing is told at once', async () => {
      aws.answer = () => ({ error: 'ExpiredToken' });
      const file = fileOf(
        'local.json',
        JSON.stringify({ ...configuration, hosts: { play: { type: 'loca', limit: 1 } } }),
      );
      const { AWS_REGION: _, ...variables } = variablesFor(aws.url);
      const checked = await check({ ...variables, AWS_PROFILE: 'none-of-this-name', RUNNERS_CONFIG: file });
      assert.ok(checked.outcome === 'refused');
      const places = checked.problems.map(({ place }) => place.replace(/^.*local\.json/, 'configuration'));
      assert.deepEqual(places, [
        join(folder, 'no.env'),
        'configuration: hosts.play.type',
        'AWS region',
        'AWS credentials',
      ]);
    });

    test('what is complete is ready, with a bootstrap still to be made if that was asked for', async () => {
      const stub = await startStubGitHub(clock);
      stub.answer = ({ path }) => ({
        status: 200,
        headers: { date: new Date(clock.now()).toUTCString() },
        body: path.startsWith('/app/installations')
          ? [{ id: 1, account: { login: 'acme' } }]
          : {
              slug: 'runners',
              permissions: { actions: 'read', organization_self_hosted_runners: 'write' },
              events: ['workflow_job'],
            },
      });
      try {
        const variables = {
          ...variablesFor(aws.url),
          GITHUB_APP_ID: appId,
          GITHUB_APP_PRIVATE_KEY: testPrivateKey(),
          GITHUB_WEBHOOK_SECRET: webhookSecret,
          GITHUB_API_URL: stub.url,
          RUNNERS_CONFIG: fileOf('complete.json', JSON.stringify(configuration)),
        };
        const ready = await check(variables);
        assert.ok(ready.outcome === 'ready');
        assert.equal(ready.ready.account, '123456789012');
        assert.equal(ready.ready.needsBootstrap, false);
        ready.ready.clients.close();

        aws.answer = (call) =>
          call.operation === 'GetParameter' ? { error: 'ParameterNotFound' } : wellPrepared(call);
        const refused = await check(variables);
        assert.ok(refused.outcome === 'refused');
        assert.deepEqual(
          refused.problems.map(({ place }) => place),
          ['CDK bootstrap'],
        );
        const allowed = await check(variables, true);
        assert.ok(allowed.outcome === 'ready');
        assert.equal(allowed.ready.needsBootstrap, true);
        allowed.ready.clients.close();

        aws.answer = wellPrepared;
        stub.answer = () => ({ status: 401, body: { message: 'A JSON web token could not be decoded' } });
        const unknown = await check(variables);
        assert.ok(unknown.outcome === 'refused');
        assert.match(unknown.problems.map(describeProblem).join(), /id and key belong together/);
      } finally {
        await stub.close();
      }
    });

    test('an App that lacks a permission or an event is told with its remedy', async () => {
      const stub = await startStubGitHub(clock);
      stub.answer = ({ path }) => ({
        status: 200,
        body: path.startsWith('/app/installations')
          ? [{ id: 1, account: { login: 'acme' } }]
          : { slug: 'runners', permissions: {}, events: [] },
      });
      try {
        const checked = await check({
          ...variablesFor(aws.url),
          GITHUB_APP_ID: appId,
          GITHUB_APP_PRIVATE_KEY: testPrivateKey(),
          GITHUB_WEBHOOK_SECRET: webhookSecret,
          GITHUB_API_URL: stub.url,
          RUNNERS_CONFIG: fileOf('lacking.json', JSON.stringify(configuration)),
        });
        assert.ok(checked.outcome === 'refused');
        const text = checked.problems.map(describeProblem).join('\n');
        for (const what of [/Actions: read/, /Self-hosted runners/, /Workflow job/]) assert.match(text, what);
        assert.ok(checked.problems.every(({ remedy }) => remedy.length > 10));
      } finally {
        await stub.close();
      }
    });
  });
});
