// Where the stand-in runner connects: a session, a long poll for messages, its steps and its result. GitHub's own
// protocol between runner and service is not published; this one has the same shape and fewer parts.

import { Hono } from 'hono';
import { z } from 'zod';
import type { Cancel } from '../../../ports/clock.ts';
import { makeGuid } from './identifiers.ts';
import type { ServerContext, ServerEnv } from './reply.ts';
import type { AssignedJob, RunnerSession } from './runners.ts';
import type { World } from './world.ts';

/** GitHub's listener polls for 50 s. */
const pollMs = 50_000;
/** A session without an open poll for this long has lost its machine. */
const silenceMs = 30_000;
/** Of runners connected at once: far more than one machine can run. */
const sessionsMax = 20_000;

type Message = { type: 'job'; job: AssignedJob } | { type: 'cancel' } | { type: 'gone' } | { type: 'none' };

interface Entry {
  session: RunnerSession;
  /** Answers the open poll. */
  answer: ((message: Message) => void) | null;
  /** Null until it was handed over by GitHub. */
  job: AssignedJob | null;
  isCancelled: boolean;
  stopSilence: Cancel;
}

const step = z.strictObject({
  name: z.string().max(256),
  status: z.enum(['queued', 'in_progress', 'completed']),
  conclusion: z.enum(['success', 'failure', 'cancelled', 'skipped', 'timed_out']).nullable(),
  number: z.int().min(1),
  startedAt: z.int().nullable(),
  completedAt: z.int().nullable(),
});
const sessionRequest = z.strictObject({
  jitConfig: z.string().max(65_536),
  version: z.string().max(64),
  os: z.string().max(64).default('linux'),
});
const stepsRequest = z.strictObject({ steps: z.array(step).max(256) });
const finishRequest = stepsRequest.extend({
  conclusion: z.enum(['success', 'failure', 'cancelled', 'timed_out']),
});

export function createRunnerDoor(world: World): { routes: Hono<ServerEnv>; close(): void } {
  const { clock, random } = world;
  const entries = new Map<string, Entry>();
  const routes = new Hono<ServerEnv>();
  routes.use(async (c, next) => {
    await next();
    c.header('x-simulated-github', 'stand-in');
  });

  routes.post('/sessions', async (c) => {
    const request = sessionRequest.safeParse(await json(c));
    if (!request.success) return c.json({ message: z.prettifyError(request.error) }, 422);
    if (entries.size >= sessionsMax) return c.json({ message: `more than ${sessionsMax} sessions` }, 429);
    const { jitConfig, version, os } = request.data;
    const connected = world.runnerConnect(jitConfig, version, os);
    if (connected.outcome === 'refused') {
      return c.json({ message: connected.reason }, connected.reason === 'conflict' ? 409 : 401);
    }
    const id = makeGuid(random);
    const { session } = connected;
    const entry: Entry = {
      session,
      answer: null,
      job: null,
      isCancelled: false,
      stopSilence: () => {},
    };
    entries.set(id, entry);
    expectContact(id, entry);
    return c.json({ sessionId: id, name: session.name }, 201);
  });

  routes.get('/sessions/:id/message', async (c) => {
    const entry = entryOf(c);
    if (!entry) return c.json({ type: 'gone' } satisfies Message);
    entry.stopSilence();
    const message = await nextMessage(entry, c.req.query('job') !== undefined, c.req.raw.signal);
    if (message.type === 'gone') entries.delete(c.req.param('id'));
    else expectContact(c.req.param('id'), entry);
    return c.json(message);
  });

  /** The job's steps so far; the answer says whether the job is to stop. */
  routes.post('/sessions/:id/steps', async (c) => {
    const entry = entryOf(c);
    const request = stepsRequest.safeParse(await json(c));
    if (!entry) return c.json({ message: 'gone' }, 410);
    if (!request.success) return c.json({ message: z.prettifyError(request.error) }, 422);
    if (!entry.answer) expectContact(c.req.param('id'), entry);
    entry.session.report(request.data.steps);
    return c.json({ isCancelled: entry.isCancelled });
  });

  routes.post('/sessions/:id/finish', async (c) => {
    const entry = entryOf(c);
    const request = finishRequest.safeParse(await json(c));
    if (!entry) return c.json({ message: 'gone' }, 410);
    if (!request.success) return c.json({ message: z.prettifyError(request.error) }, 422);
    entries.delete(c.req.param('id'));
    entry.stopSilence();
    entry.answer?.({ type: 'gone' });
    return c.json({ isAccepted: entry.session.finish(request.data.conclusion, request.data.steps) });
  });

  const entryOf = (c: ServerContext): Entry | undefined => entries.get(c.req.param('id') ?? '');

  const expectContact = (id: string, entry: Entry): void => {
    entry.stopSilence();
    entry.stopSilence = clock.after(silenceMs, () => {
      entries.delete(id);
      entry.session.vanish();
    });
  };

  /**
   * One poll at a time: a later one takes the place of an earlier. A runner that does not say that it has its job
   * is told of it again: the first answer may have been lost.
   */
  const nextMessage = (entry: Entry, hasJob: boolean, signal: AbortSignal): Promise<Message> =>
    new Promise((resolve) => {
      entry.answer?.({ type: 'none' });
      const finish = (message: Message): void => {
        if (entry.answer !== finish) return;
        entry.answer = null;
        if (!entry.job) entry.session.stopWaiting();
        stopPoll();
        resolve(message);
      };
      const stopPoll = clock.after(pollMs, () => finish({ type: 'none' }));
      entry.answer = finish;
      signal.addEventListener('abort', () => finish({ type: 'none' }), { once: true });
      if (!entry.job) void waitForJob(entry);
      else if (!hasJob) finish({ type: 'job', job: entry.job });
      else if (entry.isCancelled) finish({ type: 'cancel' });
    });

  const waitForJob = async (entry: Entry): Promise<void> => {
    const next = await entry.session.nextJob();
    if (next === 'gone') {
      entry.answer?.({ type: 'gone' });
      return;
    }
    entry.job = next;
    entry.session.onCancel(() => {
      entry.isCancelled = true;
      entry.answer?.({ type: 'cancel' });
    });
    entry.answer?.({ type: 'job', job: next });
  };

  return {
    routes,
    close() {
      for (const entry of entries.values()) {
        entry.stopSilence();
        entry.answer?.({ type: 'none' });
      }
      entries.clear();
    },
  };
}

async function json(c: ServerContext): Promise<unknown> {
  try {
    return await c.req.json();
  } catch {
    return null;
  }
}
