import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { holds, quickHost, type System, signature, startSystem, until } from './harness.ts';
import { workflowJob } from './payload.ts';

describe('the webhook’s door', () => {
  let system: System;
  const published = () => system.recorder.counted('publisher_orders_total', { status: 'launch' });

  before(async () => {
    system = await startSystem({
      configuration: {
        hosts: { here: quickHost(4) },
        pools: {
          small: { host: 'here', os: 'linux', labels: ['self-hosted', 'small'], limit: 4, bootSeconds: 60 },
        },
      },
      // Jobs here are known to the test alone, so their runners would find nothing.
      pretence: { neverRegisters: () => true },
    });
  });
  after(() => system.close());

  test('a signature that is missing, wrong, or of another secret is refused, whatever the body', async () => {
    const body = JSON.stringify(workflowJob({ id: 1 }));
    for (const wrong of [
      '',
      'sha256=',
      `sha256=${'0'.repeat(64)}`,
      'sha1=00',
      signature(body, 'x'.repeat(20)),
    ]) {
      const answer = await system.send(body, { 'x-hub-signature-256': wrong });
      assert.equal(answer.status, 401, wrong);
    }
    assert.equal((await system.send('no json', { 'x-hub-signature-256': signature('other') })).status, 401);
    const unsigned = await fetch(`${system.url()}/webhooks/github`, { method: 'POST', body });
    assert.equal(unsigned.status, 401);
    assert.equal(await system.job(1), null);
  });

  test('what is not JSON, or not a job, gets 400 and changes nothing', async () => {
    const whole = workflowJob({ id: 2 });
    const { workflow_job: job } = whole;
    const bodies: unknown[] = [
      'not json',
      '',
      'null',
      '[]',
      { ...whole, workflow_job: undefined },
      { ...whole, workflow_job: { ...job, id: '2' } },
      { ...whole, workflow_job: { ...job, id: -2 } },
      { ...whole, workflow_job: { ...job, labels: 'small' } },
      { ...whole, workflow_job: { ...job, labels: [{}] } },
      { ...whole, workflow_job: { ...job, status: 7 } },
      { ...whole, workflow_job: { ...job, created_at: 'soon' } },
      { ...whole, workflow_job: { ...job, runner_name: ['r'] } },
      { ...whole, repository: null },
      { ...whole, installation: { id: 'x' } },
    ];
    for (const body of bodies) {
      const answer = await system.send(body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.ok(answer.body.length < 500);
    }
    assert.equal(await system.job(2), null);
  });

  test('other events are taken and ignored', async () => {
    for (const event of ['ping', 'push', 'installation', '']) {
      const answer = await system.send({ zen: 'x' }, { 'x-github-event': event });
      assert.equal(answer.status, 202, event);
    }
  });

  test('a job that asks for nothing of ours is counted, and costs no write', async () => {
    const before = system.recorder.counted('producer_jobs_ignored_total');
    assert.equal((await system.send(workflowJob({ id: 3, labels: ['ubuntu-latest'] }))).status, 202);
    assert.equal((await system.send(workflowJob({ id: 4, labels: [] }))).status, 202);
    assert.equal(system.recorder.counted('producer_jobs_ignored_total'), before + 2);
    assert.equal(await system.job(3), null);
  });

  test('a job that fits no pool, though it means ours, is stored with its reason and gets no runner', async () => {
    const before = published();
    for (const [id, labels] of [
      [5, ['self-hosted', 'gpu']],
      [6, ['small', 'gpu']],
    ] as const) {
      assert.equal((await system.send(workflowJob({ id, labels }))).status, 202);
      const route = (await system.job(id))?.route;
      assert.equal(route?.kind, 'refused');
      assert.match(route?.kind === 'refused' ? route.text : '', /"gpu"/);
    }
    assert.equal((await system.send(workflowJob({ id: 7, private: false }))).status, 202);
    const refused = (await system.job(7))?.route;
    assert.equal(refused?.kind === 'refused' ? refused.code : '', 'publicRepository');
    assert.ok(await holds(300, () => published() === before));
  });

  test('a job that waits for an approval orders nothing until it is queued', async () => {
    const before = published();
    assert.equal((await system.send(workflowJob({ id: 8, action: 'waiting' }))).status, 202);
    assert.equal((await system.send(workflowJob({ id: 9, status: 'waiting' }))).status, 202);
    assert.equal((await system.job(9))?.phase, 'gated');
    assert.ok(await holds(300, () => published() === before));
    await system.send(workflowJob({ id: 8 }));
    await until('a runner is ordered', () => published() === before + 1);
    await system.send(workflowJob({ id: 8, action: 'completed', conclusion: 'cancelled' }));
  });

  test('an old delivery that is sent again starts no runner, under whatever delivery id', async () => {
    await system.send(workflowJob({ id: 10 }));
    await until('it is counted', async () => (await system.job(10))?.counted);
    const before = published();
    await system.send(workflowJob({ id: 10, action: 'in_progress' }));
    await system.send(workflowJob({ id: 10, action: 'completed', conclusion: 'success' }));
    for (const delivery of ['same', 'same', 'other']) {
      const answer = await system.send(workflowJob({ id: 10 }), { 'x-github-delivery': delivery });
      assert.equal(answer.status, 202);
      assert.match(answer.body, /known already/);
    }
    await system.send(workflowJob({ id: 10, action: 'in_progress' }));
    assert.equal((await system.job(10))?.phase, 'completed');
    assert.ok(await holds(300, () => published() === before));
  });

  test('names and labels of any content are bounded and harmless in every output', async () => {
    const hostile = `$(reboot)\u001b[2J\u0000\r\n<script>alert(1)</script>' OR 1=1 --\u202e${'x'.repeat(10_000)}`;
    const label = `\u001b]0;x\u0007<b>$(reboot)\`id\``;
    const answer = await system.send(workflowJob({ id: 11, name: hostile, labels: ['self-hosted', label] }));
    assert.equal(answer.status, 202);
    const job = await system.job(11);
    assert.ok(job);
    const kept = JSON.stringify(job);
    assert.ok(kept.length < 5_000, `${kept.length}`);
    assert.doesNotMatch(`${job.name}${job.labels.join('')}${job.url}`, /\p{Cc}|\u202e/u);
    assert.doesNotMatch(job.route.kind === 'refused' ? job.route.text : '', /\p{Cc}|\u202e/u);
    const metrics = await (await fetch(`${system.url()}/metrics`)).text();
    assert.doesNotMatch(metrics, /reboot|script/);
    for (const { message, fields } of system.recorder.logs()) {
      assert.doesNotMatch(message + JSON.stringify(fields), /reboot/);
    }
    const many = await system.send(workflowJob({ id: 12, labels: Array(1_000).fill('self-hosted') }));
    assert.equal(many.status, 400);
    assert.equal(
      (await system.send(workflowJob({ id: 12, labels: ['self-hosted', 'x'.repeat(10_000)] }))).status,
      400,
    );
  });

  test('a body above 25 MB is refused', async () => {
    const body = 'x'.repeat(25 * 1024 * 1024 + 1);
    const answer = await system.send(body).catch(() => ({ status: 413, body: '' }));
    assert.equal(answer.status, 413);
  });
});
