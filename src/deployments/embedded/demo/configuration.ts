// The demo's configuration: three pools on this machine, whose runners are the stand-in's program.

import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { demandConfiguration } from '../../../config/check.ts';
import { defineConfig } from '../../../config/define-config.ts';
import type { Configuration } from '../../../core/configuration.ts';

const runnerProgram = fileURLToPath(new URL('../../../adapters/github/simulated/runner.ts', import.meta.url));

export const demoOwner = 'demo';
export const demoRepository = 'demo/app';

/** Waits are shorter than by default, since the demo has half a minute to show them. */
export function demoConfiguration(): Configuration {
  const command = [execPath, runnerProgram];
  const written = defineConfig({
    allow: { owners: [demoOwner] },
    hosts: { here: { type: 'local', limit: 10 } },
    pools: {
      // A job that asks for `special` needs its runner; but GitHub may give that runner a small job too.
      small: {
        host: 'here',
        os: 'linux',
        labels: ['self-hosted', 'small'],
        limit: 3,
        overlap: true,
        command,
      },
      special: {
        host: 'here',
        os: 'linux',
        labels: ['self-hosted', 'small', 'special'],
        limit: 1,
        overlap: true,
        command,
      },
      build: { host: 'here', os: 'linux', labels: ['self-hosted', 'build'], limit: 8, command },
    },
    timing: {
      idleSeconds: 2,
      tickSeconds: 1,
      idleBesideJobSeconds: 5,
      askAgainSeconds: 2,
      runnerListSeconds: 5,
      hostListSeconds: 5,
      deliveriesSeconds: 5,
      queuedJobsSeconds: 5,
    },
  });
  return demandConfiguration(written, 'The configuration of the demo').configuration;
}
