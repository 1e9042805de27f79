import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readEnvironment, variables } from './environment.ts';
import { functionKinds, functions } from './functions.ts';

const given = {
  LOG_LEVEL: 'info',
  METRICS_NAMESPACE: 'GitHubRunners/test',
  PUBLISHER_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:publisher.fifo',
  GITHUB_ADDRESSES_ONLY: 'true',
};

describe('the environment of a function', () => {
  it('is the variables of its kind, parsed', () => {
    const { LOG_LEVEL, METRICS_NAMESPACE, PUBLISHER_TOPIC_ARN } = given;
    assert.deepEqual(readEnvironment({ ...given, HOME: '/' }, variables.messenger), {
      LOG_LEVEL,
      METRICS_NAMESPACE,
      PUBLISHER_TOPIC_ARN,
    });
    assert.equal(readEnvironment(given, ['GITHUB_ADDRESSES_ONLY']).GITHUB_ADDRESSES_ONLY, true);
  });

  it('that lacks one, or has one that can not be, is refused by its name and without its value', () => {
    const wrong = { ...given, LOG_LEVEL: undefined, PUBLISHER_TOPIC_ARN: 'hush' };
    assert.throws(
      () => readEnvironment(wrong, variables.messenger),
      (error: Error) => {
        assert.match(error.message, /LOG_LEVEL, PUBLISHER_TOPIC_ARN is missing or not allowed.*Remedy/);
        assert.doesNotMatch(error.message, /hush/);
        return true;
      },
    );
  });
});

describe('the variables of each kind', () => {
  const says = (kind: (typeof functionKinds)[number], name: string) =>
    (variables[kind] as readonly string[]).includes(name);

  for (const kind of functionKinds) {
    it(`are what a ${kind} may touch by the table of functions`, () => {
      const spec = functions[kind];
      assert.equal(says(kind, 'JOBS_TABLE'), spec.table.length > 0);
      assert.equal(says(kind, 'PUBLISHER_TOPIC_ARN'), spec.sends.includes('publisherTopic'));
      assert.equal(says(kind, 'JOBS_TOPIC_ARN'), spec.sends.includes('jobsTopic'));
      assert.equal(says(kind, 'TIMER_QUEUE_URL'), spec.sends.includes('timer'));
      assert.equal(says(kind, 'STEPS_QUEUE_URL'), spec.sends.includes('steps'));
      assert.equal(says(kind, 'WEBHOOK_SECRET_ARN'), spec.secret === 'webhook');
      assert.equal(says(kind, 'APP_SECRET_ARN'), spec.secret === 'app');
      assert.equal(says(kind, 'QUEUE_URL'), spec.trigger.kind === 'queue');
      assert.equal(says(kind, 'HOST'), spec.hosts === 'own');
    });
  }
});
