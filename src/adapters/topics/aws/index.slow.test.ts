// The port's contract on MiniStack, whose time is handed in, so that its minutes pass in moments.
//
// MiniStack 1.5.33 differs from AWS, as far as this contract goes: it accepts a delay above 900 s and a filter policy
// beyond SNS's bounds (the adapter refuses the one, a deployment's test the other), it has no StartMessageMoveTask
// (dead letters are brought back by hand here), a spent receipt handle is invalid to it (AWS may say that it deleted),
// its standard queues keep order and deliver once, and it never fails a message inside an answer of 200 nor throttles
// (`send.test.ts` does).

import { after, describe } from 'node:test';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import { createHandedInTime } from '../../../../scripts/ministack-time.ts';
import { queueContract } from '../../../ports/queue.contract.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createRecorder } from '../../telemetry/recorder/index.ts';
import { createClients, createEmulatorFixture } from './testing.ts';

const startMs = 1_700_000_000_000;
/** Between one test's end and the next one's start: time never goes back. */
const betweenMs = 3_600_000;

describe('on MiniStack', () => {
  const time = createHandedInTime(startMs);
  const emulator = startMiniStack(time.env);
  const clients = emulator.then(({ endpoint }) => createClients(endpoint));
  let fixtures = 0;

  after(async () => {
    (await clients).end();
    await (await emulator).stop();
    time.end();
  });

  for (const raw of [true, false]) {
    queueContract(`SNS and SQS, ${raw ? 'raw' : 'in envelopes'}`, async () => {
      fixtures += 1;
      return createEmulatorFixture({
        clients: await clients,
        clock: createVirtualClock(startMs + fixtures * betweenMs),
        random: createSeededRandom(fixtures),
        telemetry: createRecorder(),
        prefix: `contract-${fixtures}`,
        setTime: time.set,
        raw,
      });
    });
  }
});
