import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurationOf, poolSettings } from '../../../test/fixtures/books.ts';
import type { AppFacts } from '../../adapters/github/app/index.ts';
import type { Configuration } from '../../core/configuration.ts';
import type { InstallationRef } from '../../ports/github.ts';
import { checkApp } from './startup-checks.ts';

const now = Date.UTC(2026, 10, 24);
const good: AppFacts = {
  slug: 'runners',
  permissions: { actions: 'read', organization_self_hosted_runners: 'write', administration: 'write' },
  events: ['workflow_job'],
  at: now,
};
const acme: InstallationRef = { id: 1, account: 'acme', suspended: false };
const beta: InstallationRef = { id: 2, account: 'beta', suspended: false };
const atBoth = configurationOf([poolSettings('lint'), poolSettings('build', { register: 'repository' })]);

test('an App that has what it needs gives nothing to say', () => {
  assert.deepEqual(findings({}), []);
  assert.deepEqual(findings({ app: { ...good, permissions: null, events: null, at: null } }), []);
});

test('each permission that is missing is named, with the pool that needs it', () => {
  const without = (name: string) => {
    const { [name]: _, ...permissions } = { ...good.permissions };
    return findings({ app: { ...good, permissions } });
  };
  assert.match(without('actions')[0] ?? '', /^error: .*“Actions: read”/);
  assert.match(
    without('administration')[0] ?? '',
    /^error: .*“Administration: read and write”, which pool build/,
  );
  assert.match(
    without('organization_self_hosted_runners')[0] ?? '',
    /^warning: .*pool lint.*only repositories of users/,
  );
  const none = findings({ app: { ...good, permissions: { actions: 'read' } } });
  assert.match(none[1] ?? '', /^error: .*pool lint.*no runner can register/);
});

test('a pool whose jobs are to be run again needs the App to write to Actions, and does without', () => {
  const configuration = configurationOf([poolSettings('lint', { rerunInterrupted: true })]);
  assert.match(
    findings({ configuration })[0] ?? '',
    /^warning: .*“Actions: read and write”, which pool lint needs for rerunInterrupted/,
  );
  const app = { ...good, permissions: { ...good.permissions, actions: 'write' } };
  assert.deepEqual(findings({ configuration, app }), []);
});

test('an App that is not subscribed to jobs is an error', () => {
  assert.match(findings({ app: { ...good, events: ['push'] } })[0] ?? '', /^error: .*“Workflow job”/);
});

test('without `allow` exactly one installation is served', () => {
  const open: Configuration = { ...atBoth, allow: { kind: 'onlyInstallation' } };
  assert.deepEqual(findings({ configuration: open, installations: [acme] }), []);
  const two = findings({ configuration: open, installations: [acme, beta] });
  assert.match(two[0] ?? '', /^error: .*installed 2 times \(acme, beta\).*allow: \{ owners/);
  const none = findings({ configuration: open, installations: [] });
  assert.match(none[0] ?? '', /^warning: .*https:\/\/github\.test\/apps\/runners\/installations\/new/);
});

test('an owner without an installation is told', () => {
  assert.match(findings({ installations: [acme] })[0] ?? '', /^warning: .*allow\.owners names beta/);
});

test('a clock that is wrong is told, with its direction', () => {
  assert.deepEqual(findings({ app: { ...good, at: now - 20_000 } }), []);
  assert.match(findings({ app: { ...good, at: now - 40_000 } })[0] ?? '', /^warning: .*40 s ahead of GitHub/);
  assert.match(findings({ app: { ...good, at: now + 90_000 } })[0] ?? '', /^warning: .*90 s behind GitHub/);
});

function findings(change: {
  app?: AppFacts;
  installations?: readonly InstallationRef[];
  configuration?: Configuration;
}): string[] {
  const { app = good, installations = [acme, beta], configuration = atBoth } = change;
  const seen = { app, installations, now, webUrl: 'https://github.test' };
  return checkApp(seen, configuration).map(({ level, text }) => `${level}: ${text}`);
}
