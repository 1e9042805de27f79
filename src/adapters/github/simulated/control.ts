// What only a stand-in has: to start runs, to end them, to look at everything. Kept below `/_simulator/`, where no
// route of GitHub's is.

import { timingSafeEqual } from 'node:crypto';
import { Hono } from 'hono';
import { z } from 'zod';
import { jobJson, momentOf, runJson, runnerJson } from './payload.ts';
import { type ServerContext, type ServerEnv, whole } from './reply.ts';
import { workflowDescription } from './workflow.ts';
import { demoWorkflows } from './workflows.ts';
import type { World } from './world.ts';

/** Rows of each kind that a look at everything shows. */
const rowsMax = 500;

const startRequest = z.union([
  z.strictObject({ repository: z.string(), workflow: workflowDescription }),
  /** One of the demo workflows by name, with the labels that stand for a kind of runner. */
  z.strictObject({
    repository: z.string(),
    demo: z.string(),
    labels: z.record(z.string(), z.array(z.string()).min(1)).default({}),
  }),
]);
const repositoryRequest = z.strictObject({ repository: z.string(), isPublic: z.boolean().default(false) });
const stateRequest = z.strictObject({ state: z.enum(['active', 'suspended', 'deleted']) });
const rerunRequest = z.strictObject({ which: z.enum(['all', 'failed']).default('all') });
const approveRequest = z.strictObject({ job: z.string().optional() });
const webhookRequest = z.strictObject({ url: z.url({ protocol: /^https?$/ }) });

/**
 * A run is a shell script of whoever starts it, run as the user of the runners. So no web page may start one through
 * the browser of that user: browsers send `origin` with each request that changes something, other programs do not.
 * With a key, no other user of the machine may either.
 */
export function createControl(
  world: World,
  setWebhookUrl: (url: string) => void,
  key: string | null,
): Hono<ServerEnv> {
  const control = new Hono<ServerEnv>();
  control.use(async (c, next) => {
    c.header('x-simulated-github', 'stand-in');
    if (c.req.header('origin') !== undefined) return c.json({ message: 'this is not for web pages' }, 403);
    if (key !== null && !isSame(c.req.query('key') ?? '', key)) return c.json({ message: wrongKey }, 403);
    return next();
  });
  control.onError((error, c) => c.json({ message: error.message }, 400));

  control.post('/runs', async (c) => {
    const request = await read(c, startRequest);
    const workflow = 'workflow' in request ? request.workflow : demoNamed(request.demo, request.labels);
    const run = world.startRun(request.repository, workflow);
    return c.json(
      { run_id: run.id, jobs: run.jobs.map(({ id, name, status }) => ({ id, name, status })) },
      201,
    );
  });
  control.post('/runs/:id/cancel', (c) => c.json({ done: world.cancelRun(idOf(c)) }, 202));
  control.post('/runs/:id/rerun', async (c) => {
    const { which } = await read(c, rerunRequest);
    return c.json({ done: world.rerun(idOf(c), which) }, 201);
  });
  control.post('/runs/:id/approve', async (c) => {
    const { job } = await read(c, approveRequest);
    return c.json({ approved: world.approve(idOf(c), job) });
  });
  control.post('/jobs/:id/cancel', (c) => c.json({ done: world.cancelJob(idOf(c)) }, 202));

  control.post('/repositories', async (c) => {
    const { repository, isPublic } = await read(c, repositoryRequest);
    return c.json({ id: world.addRepository(repository, { isPublic }).id }, 201);
  });
  control.post('/installations/:id', async (c) => {
    const { state } = await read(c, stateRequest);
    world.setInstallation(idOf(c), state);
    return c.json({ state });
  });
  control.post('/webhook', async (c) => {
    const { url } = await read(c, webhookRequest);
    setWebhookUrl(url);
    return c.json({ url });
  });

  control.get('/state', (c) => {
    const { state, urls } = world;
    return c.json({
      now: new Date(world.clock.now()).toISOString(),
      ...world.census(),
      installations: [...state.installations.values()].map((each) => ({
        id: each.id,
        account: each.account.login,
        state: each.state,
      })),
      latest_runs: latest(state.runs).map((run) => runJson(run, urls)),
      latest_jobs: latest(state.jobs).map((job) => jobJson(momentOf(job), urls)),
      latest_runners: latest(state.runners).map((runner) => ({
        scope: runner.repository?.fullName ?? runner.account.login,
        phase: runner.phase,
        ...Object(runnerJson(runner)),
      })),
    });
  });
  return control;
}

const wrongKey = 'give ?key=…, as whoever started this was told';

function isSame(given: string, key: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(key)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function demoNamed(name: string, labels: Record<string, string[]>) {
  const demo = demoWorkflows(labels).find((workflow) => workflow.name === name);
  if (demo) return demo;
  const names = demoWorkflows().map((workflow) => `"${workflow.name}"`);
  throw new Error(`no demo workflow "${name}": there are ${names.join(', ')}`);
}

async function read<Schema extends z.ZodType>(c: ServerContext, schema: Schema): Promise<z.output<Schema>> {
  const text = await c.req.text();
  const result = schema.safeParse(text === '' ? {} : JSON.parse(text));
  if (result.success) return result.data;
  throw new Error(`the request is not what this route takes:\n${z.prettifyError(result.error)}`);
}

function idOf(c: ServerContext): number {
  return whole(c.req.param('id')) ?? 0;
}

function latest<Item>(all: ReadonlyMap<number, Item>): Item[] {
  return [...all.values()].slice(-rowsMax).reverse();
}
