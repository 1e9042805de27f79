// The script of Linux ships its logs to an emulator of CloudWatch Logs, which is somebody else's reading of the API.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startMiniStack } from '../../../../../scripts/ministack.ts';
import { createLogsStandIn, region } from './testing-logs.ts';
import { makeBootMachine } from './testing-machine.ts';

const group = '/github-runners/runners/ec2';
const name = 'own1-ec2-build-00000000000000000000000001';

test('an emulator of CloudWatch Logs takes what a machine ships', async () => {
  const { endpoint, stop } = await startMiniStack();
  try {
    const call = async (target: string, body: object) => {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': `Logs_20140328.${target}`,
          authorization: `AWS4-HMAC-SHA256 Credential=test/20261125/${region}/logs/aws4_request, SignedHeaders=host, Signature=0`,
        },
        body: JSON.stringify(body),
      });
      assert.equal(response.status, 200, target);
      return (await response.text()) || '{}';
    };
    await call('CreateLogGroup', { logGroupName: group });
    const machine = await makeBootMachine({
      path: process.env['PATH'] ?? '',
      claim: () => ({ status: 200, body: { jitConfig: 'abc', traceparent: '' } }),
      logs: { group, standIn: createLogsStandIn() },
      places: { logsEndpoint: endpoint },
    });
    try {
      mkdirSync(join(machine.runnerFolder, '_diag'), { recursive: true });
      machine.writeRunner('#!/bin/sh\ntrue\n');
      machine.writeJournal('a "first" line\nand \\ another\n');
      writeFileSync(join(machine.runnerFolder, '_diag', 'Worker_1.log'), 'of the job\n');
      await machine.boot('run');
    } finally {
      await machine.close();
    }
    const messages = async (stream: string) => {
      const told = await call('GetLogEvents', { logGroupName: group, logStreamName: `${name}/${stream}` });
      return (JSON.parse(told) as { events: { message: string }[] }).events.map(({ message }) => message);
    };
    assert.deepEqual(await messages('console'), ['a "first" line', 'and \\ another']);
    assert.deepEqual(await messages('diag'), ['of the job']);
  } finally {
    await stop();
  }
});
