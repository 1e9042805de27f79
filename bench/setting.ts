// What the benchmarks share: configurations, hosts without delays, webhooks, keys.

import { createHmac, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkConfiguration } from '../src/config/check.ts';
import type { Configuration } from '../src/core/configuration.ts';

export const webhookSecret = 'a webhook secret of a benchmark';
export const labels = ['self-hosted', 'small'];
export const installation = 50_000_001;

const atOnce = { leastMs: 0, medianMs: 0, p95Ms: 0, mostMs: 0 };

/** A host whose calls, boots and endings take no time: what is left is the system's own. */
export function hostWithoutDelays(limit: number, options: Record<string, unknown> = {}) {
  return {
    type: 'simulated',
    limit,
    launchBurst: 1_000,
    launchesPerSecond: 1_000,
    options: {
      standby: false,
      callMs: atOnce,
      bootMs: atOnce,
      endingMs: atOnce,
      eventMs: atOnce,
      listStalenessMs: 0,
      callEffectMs: 0,
      ...options,
    },
  };
}

export function configurationOf(
  limit: number,
  change: { options?: Record<string, unknown>; timing?: object; github?: object } = {},
): Configuration {
  const checked = checkConfiguration({
    allow: { owners: ['acme'] },
    hosts: { here: hostWithoutDelays(limit, change.options) },
    pools: { small: { host: 'here', os: 'linux', labels, limit } },
    github: change.github ?? { mintBurst: 10_000, mintsPerMinute: 60_000 },
    timing: change.timing ?? {},
  });
  if (checked.outcome === 'refused') throw new Error(JSON.stringify(checked.problems));
  return checked.configuration;
}

export function makeKeys(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

export interface Event {
  id: number;
  action: 'queued' | 'in_progress' | 'completed';
  runner?: { id: number; name: string };
}

/** A webhook of the size that GitHub's have: 12 KB, of which a fifth is read. */
export function webhookBody(event: Event): Buffer {
  return Buffer.from(
    JSON.stringify({
      action: event.action,
      workflow_job: jobOf(event),
      repository: {
        full_name: 'acme/app',
        private: true,
        owner: { login: 'acme', type: 'Organization' },
        links: restOfRepository,
      },
      organization: { login: 'acme' },
      installation: { id: installation },
      sender: { login: 'octocat', links: restOfRepository.slice(0, 20) },
    }),
  );
}

/** A job as GitHub shows it, in its events and when it is asked. */
export function jobOf({ id, action, runner }: Event): object {
  const at = new Date().toISOString();
  return {
    id,
    run_id: 1_000_000 + Math.floor(id / 10),
    run_attempt: 1,
    name: `test (${id})`,
    workflow_name: 'ci',
    labels,
    status: action,
    conclusion: action === 'completed' ? 'success' : null,
    runner_id: runner?.id ?? null,
    runner_name: runner?.name ?? null,
    created_at: at,
    started_at: at,
    completed_at: action === 'completed' ? at : null,
    html_url: `https://github.com/acme/app/actions/runs/1/job/${id}`,
    steps: action === 'completed' ? stepsOf(at) : [],
  };
}

function stepsOf(at: string): object[] {
  return stepNames.map((name, index) => ({
    name,
    status: 'completed',
    conclusion: 'success',
    number: index + 1,
    started_at: at,
    completed_at: at,
  }));
}

/** As a job has them that checks out, sets up a tool, builds and tests. */
const stepNames = [
  'Set up job',
  'Run actions/checkout@v4',
  'Run actions/setup-node@v4',
  'npm ci',
  'npm test',
  'Post Run actions/setup-node@v4',
  'Post Run actions/checkout@v4',
  'Complete job',
];

/** About forty addresses are in each repository of a webhook. */
const restOfRepository = Array.from(
  { length: 90 },
  (_, at) => `https://api.github.com/repos/acme/app/resource-${at}{/id}`,
);

export function signatureOf(body: Buffer): string {
  return `sha256=${createHmac('sha256', webhookSecret).update(body).digest('hex')}`;
}

/** On the disk that temporary files are on; TMPDIR names another. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'runners-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function until(condition: () => boolean | Promise<boolean>, withinMs = 120_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
