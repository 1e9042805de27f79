// Jobs of the scenarios: what each asks for fits one pool of the landscape, where its name says nothing else.

import type { JobDescription } from '../../../adapters/github/simulated/workflow.ts';

type Change = Partial<JobDescription>;

const jobMs = 30_000;

/** Pods: quick, handed their configuration. */
export function lintJob(change: Change = {}): JobDescription {
  return { name: 'lint', labels: ['self-hosted', 'lint'], durationMs: jobMs, ...change };
}

/** Machines of the slow host, which claim their configuration. */
export function buildJob(change: Change = {}): JobDescription {
  return { name: 'build', labels: ['self-hosted', 'linux', 'build'], durationMs: jobMs, ...change };
}

export function bigJob(change: Change = {}): JobDescription {
  return { name: 'big', labels: ['self-hosted', 'linux', 'build', 'big'], durationMs: jobMs, ...change };
}

/** Belongs to `small`; a runner of `build` or `big` on the other host may take it too. */
export function linuxJob(change: Change = {}): JobDescription {
  return { name: 'linux', labels: ['self-hosted', 'linux'], durationMs: jobMs, ...change };
}

/** The pool with two spares. */
export function readyJob(change: Change = {}): JobDescription {
  return { name: 'ready', labels: ['self-hosted', 'ready'], durationMs: jobMs, ...change };
}

/** Its runners are admitted to `acme/app` and `globex/core` only. */
export function specialJob(change: Change = {}): JobDescription {
  return { name: 'special', labels: ['self-hosted', 'special'], durationMs: jobMs, ...change };
}
