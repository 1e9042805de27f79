import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  configurationOf,
  createBooks,
  hostSettings,
  launchesOf,
  poolSettings,
} from '../../test/fixtures/books.ts';
import type { Configuration } from './configuration.ts';
import { explainWait, type WaitView } from './explain.ts';
import type { HostName, PoolName } from './ids.ts';

const lint = (id: number) => ({ id, labels: ['lint'] });

test('a job that runs or has ended does not wait', () => {
  const { books, why } = world();
  books.inProgress(lint(1), null);
  assert.equal(why(1), null);
  books.completed(lint(1));
  assert.equal(why(1), null);
});

test('a gated job waits for GitHub', () => {
  const { books, why } = world();
  books.see(lint(1), 'gated');
  books.settle();
  assert.equal(why(1)?.code, 'gated');
});

test('a refused job says why', () => {
  const { books, why } = world();
  books.queued({ id: 1, labels: ['self-hosted', 'gpu'] });
  books.queued({ ...lint(2), repository: 'stranger/app' });
  books.settle();
  books.queued({ id: 3, labels: ['lint', 'gpu'] });
  assert.deepEqual(why(1), {
    code: 'refused',
    text: 'no pool has the label "self-hosted", "gpu"',
    remedy: 'change runs-on in its workflow, or give a pool these labels in the configuration',
  });
  assert.equal(why(2)?.code, 'refused');
  assert.match(why(2)?.text ?? '', /stranger may not use these runners/);
  assert.match(why(2)?.remedy ?? '', /allow\.owners/);
  assert.equal(why(3)?.text, 'no pool has the label "gpu"; nearest is pool lint');
});

test('a job that no plan has seen is counted by the next', () => {
  const { books, why } = world();
  books.queued(lint(1));
  assert.equal(why(1)?.code, 'notCounted');
});

test('a job whose runner is on its way names it, and how far it is', () => {
  const { books, why } = world();
  books.queued(lint(1));
  const [name] = launchesOf(books.settle());
  assert.ok(name);
  books.pass(3_000);
  assert.deepEqual(why(1), {
    code: 'ordered',
    text: `${name} is ordered since 3 s, and not launched yet`,
    remedy: null,
  });
  books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 30_000 });
  books.learn(name, { kind: 'mark', owner: 'o' });
  assert.equal(why(1)?.text, `${name} is being launched since 0 s`);
  books.learn(name, { kind: 'launched', machine: 'm' as never });
  books.pass(250_000);
  assert.deepEqual(why(1), {
    code: 'booting',
    text: `${name} boots since 4 min, and has 3 min to come online`,
    remedy: `if it takes long: runners logs ${name}`,
  });
  books.learn(name, { kind: 'online', gitHubId: 1 });
  assert.deepEqual(why(1), {
    code: 'online',
    text: `${name} is online: GitHub gives it a job within moments`,
    remedy: null,
  });
  books.pass(45_000);
  assert.equal(
    why(1)?.text,
    `${name} is online since 45 s, and GitHub has given it no job yet; after 90 s GitHub is asked about this one`,
  );
  assert.match(why(1)?.remedy ?? '', /runner group "default" admit acme\/app/);
  assert.equal(why(1, { runner: null })?.code, 'covered');
});

test('a runner that went to another job is no longer what is waited for', () => {
  const { books, why } = world({ limit: 1 });
  books.queued(lint(1));
  const [name] = launchesOf(books.settle());
  assert.ok(name);
  books.bringOnline(name);
  books.learn(name, { kind: 'busy', job: null, gitHubId: 1 });
  assert.equal(why(1)?.code, 'covered');
  books.settle();
  assert.equal(why(1)?.code, 'asking');
  assert.match(why(1)?.text ?? '', /no longer comes for it, and GitHub is asked/);
});

test('a job whose runner took another one has that one’s runner', () => {
  const { books, why } = world();
  for (const id of [1, 2]) books.queued(lint(id));
  const [name] = launchesOf(books.settle());
  assert.ok(name);
  books.bringOnline(name);
  const other = books.runner(name).forJob === books.job(1).key ? 2 : 1;
  books.inProgress(lint(other), name);
  books.settle();
  assert.deepEqual(why(other === 1 ? 2 : 1), {
    code: 'covered',
    text: '1 runner is coming for the job of its lane',
    remedy: null,
  });
});

test('a pool at its limit tells what is alive in it, and how many jobs wait before', () => {
  const { books, why } = world({ limit: 2 });
  for (const id of [1, 2, 3]) books.queued(lint(id));
  const [name] = launchesOf(books.settle());
  assert.ok(name);
  books.bringOnline(name);
  books.inProgress(lint(1), name);
  books.settle();
  assert.deepEqual(why(3, { ahead: 1 }), {
    code: 'poolLimit',
    text: 'pool lint is at its limit, 2 of 2 alive: 1 busy, 1 coming; 1 job waits before it',
    remedy: 'wait for a place, or raise the limit of pool lint in the configuration',
  });
});

test('a limit that an operator lowered is told with the one before', () => {
  const { books, why } = world({ limit: 5 });
  books.control({ host: 'one' as HostName, pool: 'lint' as PoolName, paused: false, limitNow: 1 });
  for (const id of [1, 2]) books.queued(lint(id));
  books.settle();
  assert.match(why(2)?.text ?? '', /pool lint is at its limit, 1 of 1 \(lowered from 5\) alive: 1 coming/);
  assert.match(why(2)?.remedy ?? '', /runners pools limit lint none/);
});

test('a host at its limit is told where its pool has room', () => {
  const { books, why } = world({ limit: 5 }, 1);
  for (const id of [1, 2]) books.queued(lint(id));
  books.settle();
  assert.deepEqual(why(2), {
    code: 'hostLimit',
    text: 'host one is at its limit, 1 of 1 machines alive over all its pools: 1 of pool lint',
    remedy: 'wait for a place, or raise the limit of host one in the configuration',
  });
});

test('a paused pool says so', () => {
  const { books, why } = world();
  books.control({ host: 'one' as HostName, pool: 'lint' as PoolName, paused: true, limitNow: null });
  books.queued(lint(1));
  books.settle();
  assert.deepEqual(why(1), {
    code: 'paused',
    text: 'pool lint is paused',
    remedy: 'runners pools resume lint',
  });
});

test('a pool whose runners fail says why, and when the next is tried', () => {
  const { books, why } = world();
  books.queued(lint(1));
  for (let times = 0; times < 3; times += 1) {
    const [name] = launchesOf(books.settle());
    assert.ok(name);
    books.learn(name, { kind: 'gone', code: 'refused', why: 'no capacity in any zone' });
    books.settle();
    books.recordJob(1, { kind: 'stillQueued', purpose: 'secondOrder' });
  }
  books.settle();
  assert.equal(why(1)?.code, 'breakerOpen');
  assert.match(why(1)?.text ?? '', /3 failures in a row \(no capacity in any zone\); one more try in 30 s/);
  assert.match(why(1)?.remedy ?? '', /mend what the last failure says/);
});

test('a host that takes no launches says until when', () => {
  const { books, why } = world();
  books.queued(lint(1));
  const [name] = launchesOf(books.settle());
  assert.ok(name);
  books.learn(name, { kind: 'gone', code: 'throttled', why: 'too many calls' });
  books.settle();
  books.recordJob(1, { kind: 'stillQueued', purpose: 'secondOrder' });
  books.settle();
  assert.equal(why(1)?.code, 'throttled');
  assert.match(why(1)?.text ?? '', /host one takes no launches just now; again in \d+ s/);
});

test('a held job says why GitHub holds it, and when it is looked at again', () => {
  const { books, why } = world();
  books.queued(lint(1));
  const [name] = launchesOf(books.settle());
  assert.ok(name);
  books.bringOnline(name);
  books.recordJob(1, { kind: 'stillQueued', purpose: 'idleRunner' });
  books.settle();
  assert.equal(why(1)?.code, 'held');
  assert.match(why(1)?.text ?? '', /max-parallel.*looked at again in 60 s/);
  assert.match(why(1)?.remedy ?? '', /let runner group "default" admit acme\/app/);
});

test('a lane whose runners go to others says to whom', () => {
  const { books, why, lane } = world();
  books.queued(lint(1));
  books.settle();
  const lost = { times: 3, to: 'build#acme#default', until: books.now() + 20_000 };
  const fresh = { ...books.job(1), counted: { ...counted(books), class: 'fresh' as const } };
  const view = { ...why.view(1), lane: { ...lane(), fresh: 1, ordered: 0, coming: 0, lost } };
  const wait = explainWait(fresh, view);
  assert.equal(wait?.code, 'slowedDown');
  assert.match(wait?.text ?? '', /build#acme#default, 3 times in a row.*the next in 20 s/);
});

test('where the registrations that GitHub grants at once are used up, that is told with the next', () => {
  const { books, why } = world({}, 20, { mints: 0 });
  books.queued(lint(1));
  books.settle();
  assert.deepEqual(why(1), {
    code: 'registrations',
    text: 'the registrations that GitHub grants at once are used up, the next in 1 s',
    remedy:
      "nothing: more are granted each second; where it lasts, see mintsPerMinute, and whether others use the App's quota",
  });
  books.pass(2_000);
  assert.equal(why(1)?.code, 'nextPlan');
});

test('where the launches that the host takes at once are used up, that is told with the next', () => {
  const { books, why } = world({}, 20, { launches: 0 });
  books.queued(lint(1));
  books.settle();
  assert.equal(why(1)?.code, 'launches');
  assert.equal(why(1)?.text, 'the launches that host one takes at once are used up, the next in 1 s');
  assert.match(why(1)?.remedy ?? '', /launchesPerSecond of host one/);
});

test('a runner that is refused says so while GitHub is asked about its job', () => {
  const { books, why } = world();
  books.queued(lint(1));
  const [name] = launchesOf(books.settle());
  assert.ok(name);
  const refusal = 'no capacity in m7g.large/eu-west-1a/onDemand until 2026-11-25T12:09:00Z';
  books.learn(name, { kind: 'gone', code: 'refused', why: refusal });
  books.settle();
  assert.equal(why(1)?.code, 'asking');
  assert.equal(
    why(1)?.text,
    `${name} no longer comes for it (${refusal}), and GitHub is asked whether it still waits`,
  );
});

function counted(books: ReturnType<typeof createBooks>) {
  const count = books.job(1).counted;
  assert.ok(count);
  return count;
}

function world(
  pool: Parameters<typeof poolSettings>[1] = {},
  hostLimit = 20,
  { mints = 1_000, launches = 1_000 } = {},
) {
  const configuration: Configuration = configurationOf(
    [poolSettings('lint', pool)],
    [hostSettings('one', { limit: hostLimit })],
  );
  const books = createBooks(configuration, { mints: () => mints, launches: () => launches });
  const view = (id: number): WaitView => {
    const job = books.job(id);
    return {
      configuration,
      ledger: books.lanes().length > 0 ? books.ledger() : null,
      lane: books.lanes().find(({ key }) => key === job.counted?.lane) ?? null,
      runner: books.runners().find(({ name }) => name === job.lastOrder?.runner) ?? null,
      now: books.now(),
    };
  };
  const why = Object.assign(
    (id: number, change: Partial<WaitView> = {}) => explainWait(books.job(id), { ...view(id), ...change }),
    { view },
  );
  const lane = () => {
    const [only] = books.lanes();
    assert.ok(only);
    return only;
  };
  return { books, why, lane };
}
