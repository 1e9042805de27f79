// What every simulation happens in: two hosts, one slow and one fast, pools that compete, overlap and stand by, and
// two organisations. Always two hosts, since a job of one may be taken by a runner of the other.

import { createHash } from 'node:crypto';
import { demandConfiguration } from '../../config/check.ts';
import { defineConfig } from '../../config/define-config.ts';
import type { Configuration } from '../../core/configuration.ts';
import { type DeploymentPrefix, gitHubName, type HostName } from '../../core/ids.ts';
import type { Deployment } from '../../ports/jobs-table.ts';

export const slowHost = 'ec2' as HostName;

/** Machines that were told to end, or have ended, show it this late. */
const listStalenessMs = 45_000;

const written = defineConfig({
  allow: { owners: ['acme', 'globex'] },
  // Far fewer at once than GitHub grants, so that the budget is reached.
  github: { mintBurst: 4 },
  hosts: {
    // Machines that boot slowly, claim their configuration, may stand by, and are listed with a delay.
    ec2: {
      type: 'simulated',
      limit: 12,
      // Less than a matrix may want at once, so that it is reached.
      launchBurst: 3,
      launchesPerSecond: 2,
      options: {
        configuration: 'claimed',
        standby: true,
        endGraceMs: 45_000,
        listStalenessMs,
        callEffectMs: 50_000,
        callMs: { leastMs: 300, medianMs: 900, p95Ms: 2_500, mostMs: 6_000 },
        bootMs: { leastMs: 15_000, medianMs: 30_000, p95Ms: 50_000, mostMs: 60_000 },
        endingMs: { leastMs: 1_000, medianMs: 5_000, p95Ms: 20_000, mostMs: 30_000 },
      },
    },
    // Pods: quick, handed their configuration.
    pods: {
      type: 'simulated',
      limit: 10,
      launchBurst: 50,
      launchesPerSecond: 10,
      options: {
        configuration: 'handedOver',
        standby: false,
        endGraceMs: 10_000,
        listStalenessMs: 10_000,
        callEffectMs: 20_000,
        bootMs: { leastMs: 1_000, medianMs: 4_000, p95Ms: 12_000, mostMs: 20_000 },
        endingMs: { leastMs: 200, medianMs: 1_000, p95Ms: 5_000, mostMs: 10_000 },
      },
    },
  },
  pools: {
    // A job that asks only for `linux` belongs here, and may be taken by a runner of `build` or `big` on the other host.
    small: { host: 'pods', os: 'linux', labels: ['self-hosted', 'linux'], limit: 6, overlap: true },
    build: {
      host: 'ec2',
      os: 'linux',
      labels: ['self-hosted', 'linux', 'build'],
      limit: 7,
      overlap: true,
      rerunInterrupted: true,
    },
    big: {
      host: 'ec2',
      os: 'linux',
      labels: ['self-hosted', 'linux', 'build', 'big'],
      limit: 3,
      overlap: true,
      idleSeconds: 60,
    },
    lint: { host: 'pods', os: 'linux', labels: ['self-hosted', 'lint'], limit: 6, weight: 2 },
    ready: {
      host: 'ec2',
      os: 'windows',
      labels: ['self-hosted', 'ready'],
      limit: 5,
      spares: 2,
      priority: 1,
      machine: { standby: 'stopped' },
    },
    private: {
      host: 'pods',
      os: 'linux',
      labels: ['self-hosted', 'private'],
      limit: 5,
      register: 'repository',
    },
    // Its runner group admits one repository of each organisation: jobs of the others are held.
    // Its machines work for one runner after another, within one scope.
    special: {
      host: 'ec2',
      os: 'macos',
      labels: ['self-hosted', 'special'],
      limit: 2,
      group: 'special',
      machine: { reuseMs: 20 * 60_000 },
    },
  },
});

export const configuration: Configuration = demandConfiguration(
  written,
  'The configuration of the simulation',
).configuration;

export const gitHub = gitHubName('github.com');

/** When every simulation begins. */
export const startsAt = Date.UTC(2026, 10, 2, 8);

/** The wall of `special`'s jobs is the default; jobs of the workload are far shorter. */
export function deploymentOf(seed: number): Deployment {
  const key = createHash('sha256').update(`claim key of seed ${seed}`).digest('base64');
  return { prefix: 'simu' as DeploymentPrefix, claimKey: key };
}

export interface RepositorySetting {
  name: string;
  /** Admitted by the runner group `special`. */
  isSpecial: boolean;
}

export const organisations: readonly { login: string; repositories: readonly RepositorySetting[] }[] = [
  {
    login: 'acme',
    repositories: [
      { name: 'acme/app', isSpecial: true },
      { name: 'acme/site', isSpecial: false },
      { name: 'acme/tools', isSpecial: false },
    ],
  },
  {
    login: 'globex',
    repositories: [
      { name: 'globex/core', isSpecial: true },
      { name: 'globex/docs', isSpecial: false },
    ],
  },
];
