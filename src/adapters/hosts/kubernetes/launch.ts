// One Job for one runner, under the runner's name, and a Secret that belongs to it: two creates. Both are idempotent by
// their names, so what was not answered is asked again, and a Job that is there already is looked at.
//
// The Job is first, so that the Secret has its owner from the start and is never left over; a pod whose Secret is not
// there yet waits for it. [Kubernetes: Owners and dependents; kubelet retries a volume until it can be mounted]

import type { MachineId } from '../../../core/ids.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { jobOf, secretOf } from './job.ts';
import { annotationKeys, isOwn } from './labels.ts';
import { endOf, type Job } from './objects.ts';
import { type KubernetesMachine, kubernetesMachine, runnerImage } from './options.ts';
import { meaningOf, Refusal, Unanswered } from './refusals.ts';

/** Tries of one call: its time is over before, mostly. */
const triesMax = 6;
const pauseMsFirst = 200;
/** What a try needs at least to be worth it. */
const tryMsMin = 250;
/** A refused launch is worth another after this, where the server does not say when. */
const laterMsFirst = 1_000;
const laterMsMax = 8_000;
/** A quota is freed by the end of a pod. */
const noRoomMs = 5_000;

export async function launch(context: HostContext, request: LaunchRequest): Promise<LaunchAnswer> {
  const { clock } = context;
  if (clock.now() >= request.answerBefore)
    throw new Error(
      `launch of runner ${request.name} begins after its time: nothing was asked of the cluster`,
    );
  const machine = kubernetesMachine.parse(request.machine);
  const unfit = context.osOf(request.pool) === 'windows' ? whyNotOnWindows(machine) : null;
  if (unfit !== null) return { outcome: 'refused', refusal: 'invalid', reason: unfit, retryAfterMs: null };
  const created = await settle(context, request, (withinMs) =>
    context.api.createJob(jobOf(context, request, machine), withinMs),
  );
  if ('refused' in created) {
    if (created.refused === null || meaningOf(created.refused) !== 'exists')
      return answerOf(context, request, created.refused);
    const found = await existing(context, request);
    if ('outcome' in found) return found;
    return withSecret(context, request, found);
  }
  return withSecret(context, request, created.answer);
}

/** GitHub publishes its image for Linux alone, and neither its hooks nor a Docker side-car are for Windows. */
function whyNotOnWindows({ image, containers }: KubernetesMachine): string | null {
  if (image === runnerImage)
    return `image ${image} is for Linux. Remedy: name one of yours in the pool's machine, for the nodes' version of Windows`;
  if (containers !== 'none')
    return `containers '${containers}' is not for Windows. Remedy: leave it out of the pool's machine`;
  return null;
}

async function withSecret(context: HostContext, request: LaunchRequest, job: Job): Promise<LaunchAnswer> {
  const launched: LaunchAnswer = { outcome: 'launched', machine: job.metadata.uid as MachineId };
  // Dead, or dying: nothing of it will ask for a secret any more.
  if (endOf(job) !== null || job.metadata.deletionTimestamp !== undefined) return launched;
  const secret = secretOf(context, request, job.metadata.uid);
  const created = await settle(context, request, (withinMs) => context.api.createSecret(secret, withinMs));
  if ('answer' in created || (created.refused !== null && meaningOf(created.refused) === 'exists'))
    return launched;
  // Without it the pod can not start, so nothing has: the Job is taken back before that is said.
  await takenBack(context, request, job);
  return answerOf(context, request, created.refused);
}

/** The Job of this name: our own of this attempt, or a reason not to launch. */
async function existing(context: HostContext, request: LaunchRequest): Promise<Job | LaunchAnswer> {
  const looked = await settle(context, request, (withinMs) => context.api.getJob(request.name, withinMs));
  if ('refused' in looked)
    throw inDoubt(request, `a Job of this name is there, and can not be read: ${looked.refused}`);
  const found = looked.answer;
  if (found === null) throw inDoubt(request, 'a Job of this name was there, and is not any more');
  if (!isOwn(context, found.metadata.labels)) {
    const reason = `a Job named ${request.name} that is not ours is in namespace ${context.options.namespace}`;
    return { outcome: 'refused', refusal: 'invalid', reason, retryAfterMs: null };
  }
  if (found.metadata.annotations[annotationKeys.attempt] !== String(request.attempt))
    throw inDoubt(request, 'a Job of an earlier attempt is there');
  return found;
}

async function takenBack(context: HostContext, request: LaunchRequest, job: Job): Promise<void> {
  const { api, clock } = context;
  const { name, uid } = job.metadata;
  for (let tries = 0; clock.now() < request.answerBefore && tries < triesMax; tries += 1) {
    const left = await api.deleteJob(name, uid).catch(() => job);
    if (left === null) return;
    await clock.sleep(pauseMsFirst * 2 ** tries);
  }
  throw inDoubt(request, 'its Secret was refused, and its Job is not gone yet');
}

/** `refused: null`: the cluster was not reached at all, so nothing came of it. */
type Settled<Answer> = { answer: Answer } | { refused: Refusal | null };

/**
 * One call, asked until it is known what came of it. What was sent and not answered may have come about: then only an
 * answer settles it, or that it exists. A fault of the server's own (5xx) may have come about too, but not later: the
 * server has let go of it.
 */
async function settle<Answer>(
  { clock, random }: HostContext,
  request: LaunchRequest,
  call: (withinMs: number) => Promise<Answer>,
): Promise<Settled<Answer>> {
  let doubt: unknown = null;
  let last: Refusal | null = null;
  for (let tries = 0; tries < triesMax; tries += 1) {
    const leftMs = request.answerBefore - clock.now();
    if (leftMs < tryMsMin) break;
    try {
      return { answer: await call(leftMs) };
    } catch (error) {
      if (error instanceof Refusal) {
        const meaning = meaningOf(error);
        if (meaning === 'exists') return { refused: error };
        if (meaning !== 'later') {
          if (doubt === null) return { refused: error };
          throw inDoubt(request, `${String(doubt)}, and asked again: ${error.said}`);
        }
        last = error;
        if (error.status >= 500) doubt ??= error;
      } else if (error instanceof Unanswered) {
        if (error.sent) doubt ??= error;
      } else throw error;
    }
    await clock.sleep(pauseMs(random(), tries, last, request.answerBefore - clock.now()));
  }
  if (doubt !== null) throw inDoubt(request, String(doubt));
  return { refused: last };
}

/** As the server says, or longer each time, and with chance: launchers that were refused together come back apart. */
function pauseMs(chance: number, tries: number, last: Refusal | null, leftMs: number): number {
  const ownMs = pauseMsFirst * 2 ** tries * (0.5 + chance);
  return Math.max(0, Math.min(Math.max(ownMs, last?.retryAfterMs ?? 0), leftMs));
}

function answerOf(
  { random, options }: HostContext,
  { attempt }: LaunchRequest,
  refused: Refusal | null,
): LaunchAnswer {
  if (refused === null)
    return {
      outcome: 'refused',
      refusal: 'throttled',
      reason: 'the cluster could not be reached',
      retryAfterMs: null,
    };
  const reason = refused.message;
  switch (meaningOf(refused)) {
    case 'noRoom':
      return { outcome: 'refused', refusal: 'noCapacity', reason, retryAfterMs: noRoomMs };
    case 'later':
    case 'exists': {
      const most = Math.min(laterMsMax, laterMsFirst * 2 ** attempt);
      const retryAfterMs = refused.retryAfterMs ?? Math.round(laterMsFirst / 2 + random() * most);
      return { outcome: 'refused', refusal: 'throttled', reason, retryAfterMs };
    }
    case 'never': {
      const remedy = refused.status === 403 || refused.status === 404 ? remedyOf(options.namespace) : '';
      return { outcome: 'refused', refusal: 'invalid', reason: reason + remedy, retryAfterMs: null };
    }
  }
}

function remedyOf(namespace: string): string {
  return `. Remedy: apply the Role of docs/hosts/kubernetes.md to namespace ${namespace}`;
}

function inDoubt({ name }: LaunchRequest, what: string): Error {
  return new Error(`runner ${name}: ${what}: whether something started is not known`);
}
