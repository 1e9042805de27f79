// An example to start from: one machine in an office, with two kinds of runners. `make start` reads this file, or
// the one that RUNNERS_CONFIG names. It is data alone: the App's key and secrets come from the environment (see
// .env.example). Every key is explained in docs/reference/configuration.md.

import { defineConfig } from './src/index.ts';

export default defineConfig({
  // Whose jobs are served. Without it: everyone's, as long as the App is installed only once.
  // allow: { owners: ['acme'] },

  hosts: {
    // This machine: each runner is a process of its own. Never more than four at once, over all pools.
    office: { type: 'local', limit: 4 },
  },

  // In order of precedence: a job gets a runner of the first pool that has all labels in its `runs-on`.
  pools: {
    // runs-on: [self-hosted, lint]
    lint: {
      host: 'office',
      os: 'linux',
      labels: ['self-hosted', 'lint'],
      limit: 4,
      // Where GitHub's runner is unpacked (https://github.com/actions/runner/releases). Each job gets a copy.
      machine: { directory: '/opt/actions-runner' },
      // Short jobs: stop those that hang.
      jobMinutesMax: 15,
    },

    // runs-on: [self-hosted, build]
    build: {
      host: 'office',
      os: 'linux',
      labels: ['self-hosted', 'build'],
      // Two of the four places at most, and twice the share of `lint` while both wait.
      limit: 2,
      weight: 2,
      machine: { directory: '/opt/actions-runner' },
      // Only for some repositories. Runners then register at the repository, so that no other can use them.
      // repositories: ['acme/app', 'acme/app-*'],
      // register: 'repository',
      jobMinutesMax: 60,
    },
  },

  // How long the system waits, where the defaults do not suit. All of them are in the reference.
  timing: {
    // A runner that finds no work is released after this.
    idleSeconds: 100,
  },
});
