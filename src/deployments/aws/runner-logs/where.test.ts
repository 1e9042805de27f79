import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurationOf, hostSettings, poolSettings } from '../../../../test/fixtures/books.ts';
import { orderedRunner } from '../../../../test/fixtures/items.ts';
import type { HostName, MachineId, PoolName } from '../../../core/ids.ts';
import { type LogPart, whereLogsAre } from './where.ts';

const ulid = '0'.repeat(26);
const configuration = configurationOf(
  [poolSettings('lint')],
  [
    hostSettings('shipping', { type: 'ec2', options: { shipLogs: true } }),
    hostSettings('silent', { type: 'ec2', options: {} }),
    hostSettings('pods', { type: 'kubernetes', options: { namespace: 'ci', endedSeconds: 1_200 } }),
    hostSettings('functions', { type: 'lambda', options: {} }),
    hostSettings('vms', { type: 'microvm', options: {} }),
    hostSettings('pretend', { type: 'simulated', options: {} }),
  ],
);

function where(host: string, part: LogPart = 'console', machine: string | null = 'i-0123') {
  const name = `tst0-${host}-lint-${ulid}`;
  const runner = orderedRunner({
    name: name as never,
    host: host as HostName,
    pool: 'lint' as PoolName,
    machine: machine as MachineId | null,
  });
  return whereLogsAre({ name, runner, part }, { configuration, stackName: 'runners' });
}

test('machines of EC2 ship their logs to the group of their host, a stream for each part, where that is set', () => {
  assert.deepEqual(where('shipping'), {
    kind: 'stream',
    group: '/runners/runners/shipping',
    stream: `tst0-shipping-lint-${ulid}/console`,
  });
  assert.deepEqual(where('shipping', 'diag'), {
    kind: 'stream',
    group: '/runners/runners/shipping',
    stream: `tst0-shipping-lint-${ulid}/diag`,
  });
});

test('where shipping is off, it says how it is set, and what can be read meanwhile', () => {
  const told = where('silent');
  assert.equal(told.kind, 'elsewhere');
  assert.match('text' in told ? told.text : '', /shipLogs: true in the options.*get-console-output.*i-0123$/);
});

test('a pod’s log is told by the command that shows it', () => {
  const told = where('pods');
  assert.match(
    'text' in told ? told.text : '',
    /20 minutes after its end: kubectl --namespace ci logs job\/tst0-pods/,
  );
  const diag = where('pods', 'diag');
  assert.match('text' in diag ? diag.text : '', /exec job\/tst0-pods-lint/);
});

test('a function’s log is found by its pool and by the request that the machine’s id names', () => {
  const requestId = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
  assert.deepEqual(where('functions', 'console', `${requestId}@1800000000000`), {
    kind: 'function',
    host: 'functions',
    pool: 'lint',
    requestId,
  });
  assert.equal(where('functions', 'diag', requestId).kind, 'elsewhere');
  assert.equal(where('functions', 'console', null).kind, 'unknown');
});

test('what has no log says so, and a stranger’s name is unknown', () => {
  assert.equal(where('vms').kind, 'elsewhere');
  assert.equal(where('pretend').kind, 'elsewhere');
  const stranger = { name: 'somebody', runner: null, part: 'console' } as const;
  assert.deepEqual(whereLogsAre(stranger, { configuration, stackName: 'runners' }), { kind: 'unknown' });
  const gone = { name: `tst0-gone-lint-${ulid}`, runner: null, part: 'console' } as const;
  assert.deepEqual(whereLogsAre(gone, { configuration, stackName: 'runners' }), { kind: 'unknown' });
});
