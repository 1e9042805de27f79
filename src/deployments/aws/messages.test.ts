import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Order } from '../../core/order.ts';
import type { Notification } from '../../flow/notification.ts';
import type { Step } from '../../flow/reconciler/message.ts';
import { type MessagesAreRead, parseNotification, parseOrder, parseStep, parseWake } from './messages.ts';

const runner = 'ab12x-lab-lint-01arz3ndektsv4rrffq69g5fav';
const job = 'github.com#123';

const notification = {
  host: 'lab',
  items: [
    { kind: 'job', key: job },
    { kind: 'runner', name: runner },
    { kind: 'control', pool: 'lint' },
  ],
  recount: false,
  hops: 2,
} as unknown as Notification;

const orders = [
  { status: 'launch', host: 'lab', os: 'linux', runner, launchBefore: 1_800_000_000_000.5 },
  { status: 'terminate', host: 'lab', os: 'windows', runner },
  { status: 'ask', host: 'lab', os: 'macos', job, purpose: 'secondOrder' },
] as unknown as Order[];

const steps = [
  { step: 'runnersDue', host: 'lab' },
  { step: 'jobsDue' },
  { step: 'uncounted', host: 'lab' },
  { step: 'wake', host: 'lab' },
  { step: 'purge' },
  { step: 'sweep', kind: 'queuedJobs', subject: 'github.com/acme/app' },
  { step: 'sweep', kind: 'hookAddresses', subject: 'app' },
  { step: 'ask', job, purpose: 'orphan' },
] as unknown as Step[];

describe('a message', () => {
  it('is read into exactly the type of its name, or this does not compile', () => {
    const each: readonly true[] = [true, true, true, true, true, true, true] satisfies MessagesAreRead;
    assert.ok(each.length > 0);
  });

  it('is read as it was meant, through JSON', () => {
    const sent = <Body>(body: Body): unknown => JSON.parse(JSON.stringify(body));
    assert.deepEqual(parseNotification(sent(notification)), notification);
    assert.deepEqual(parseWake(sent({ host: 'lab', at: 1 })), { host: 'lab', at: 1 });
    for (const order of orders) assert.deepEqual(parseOrder(sent(order)), order);
    for (const step of steps) assert.deepEqual(parseStep(sent(step)), step);
  });

  it('of a newer version is read as far as it is known', () => {
    assert.deepEqual(parseWake({ host: 'lab', at: 1, why: 'new' }), { host: 'lab', at: 1 });
    assert.deepEqual(parseNotification({ ...notification, more: [] }), notification);
  });

  it('that names what no name can be, or holds too much, is none', () => {
    const items = Array.from({ length: 101 }, () => ({ kind: 'job', key: job }));
    for (const change of [
      { host: 'L#b' },
      { host: 7 },
      { items },
      { items: [{ kind: 'job', key: 'github.com' }] },
      { items: [{ kind: 'runner', name: 'a stranger' }] },
      { items: [{ kind: 'lane', key: job }] },
      { hops: -1 },
      { hops: 1_001 },
      { recount: 'yes' },
    ])
      assert.throws(
        () => parseNotification({ ...notification, ...change }),
        JSON.stringify(change).slice(0, 80),
      );
    for (const at of [-1, Number.NaN, '1', Number.POSITIVE_INFINITY])
      assert.throws(() => parseWake({ host: 'lab', at }));
    for (const order of orders)
      for (const change of [{ host: '' }, { os: 'beos' }, { runner: 'x', job: 'x' }, { status: 'stop' }])
        assert.throws(() => parseOrder({ ...order, ...change }), JSON.stringify({ ...order, ...change }));
    for (const step of [
      { step: 'dance' },
      { step: 'wake' },
      { step: 'sweep', kind: 'attic', subject: 'app' },
      { step: 'sweep', kind: 'recount', subject: 'x'.repeat(513) },
      { step: 'ask', job, purpose: 'curiosity' },
    ])
      assert.throws(() => parseStep(step), JSON.stringify(step).slice(0, 80));
  });
});
