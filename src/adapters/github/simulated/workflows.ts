// Workflows to show what the system does: each has something that a simpler system gets wrong.

import type { WorkflowDescription } from './workflow.ts';

/** The labels that a kind of job asks for; a deployment gives those of its own pools. */
export interface DemoLabels {
  small?: readonly string[];
  build?: readonly string[];
  /** Asks for more than `small` does: a runner for it could take a small job too. */
  special?: readonly string[];
}

export function demoWorkflows({
  small = ['self-hosted', 'small'],
  build = ['self-hosted', 'build'],
  special = ['self-hosted', 'small', 'special'],
}: DemoLabels = {}): WorkflowDescription[] {
  return [
    {
      name: 'lint',
      jobs: [
        { name: 'format', labels: small, durationMs: 4_000, steps: [say('Check the format'), work(1)] },
        { name: 'spelling', labels: small, durationMs: 3_000, steps: [say('Check the spelling'), work(1)] },
        {
          name: 'report',
          labels: small,
          needs: ['format', 'spelling'],
          durationMs: 2_000,
          steps: [say('Write the report')],
        },
      ],
    },
    {
      name: 'matrix',
      jobs: [
        {
          name: 'test',
          labels: build,
          matrix: 40,
          failFast: false,
          durationMs: 8_000,
          steps: [say('Shard $MATRIX_INDEX of 40'), work(2)],
        },
      ],
    },
    {
      name: 'overlap',
      jobs: [
        {
          name: 'plain',
          labels: small,
          matrix: 4,
          durationMs: 5_000,
          steps: [say('Any runner does'), work(1)],
        },
        {
          name: 'special',
          labels: special,
          durationMs: 5_000,
          steps: [say('Needs the special one'), work(1)],
        },
      ],
    },
    {
      name: 'failing',
      jobs: [
        {
          name: 'break',
          labels: small,
          durationMs: 2_000,
          outcome: 'failure',
          steps: [
            { name: 'May fail', run: 'exit 1', continueOnError: true },
            { name: 'Fails', run: 'echo "this is meant to fail" >&2; exit 3' },
            say('Never reached'),
          ],
        },
        { name: 'deploy', labels: build, needs: ['break'], steps: [say('Skipped')] },
      ],
    },
    {
      // Nobody has this label: the job waits until it is cancelled.
      name: 'cancelled while waiting',
      jobs: [{ name: 'nobody', labels: [...small, 'nobody-has-this'], steps: [say('Never run')] }],
    },
    {
      name: 'gated',
      jobs: [
        { name: 'build', labels: build, durationMs: 6_000, steps: [say('Build'), work(2)] },
        { name: 'deploy', labels: small, needs: ['build'], approval: true, steps: [say('Deploy')] },
      ],
    },
  ];
}

function say(what: string) {
  return { name: what.replace(/ ?\$\w+/, ''), run: `echo "${what}"` };
}

function work(seconds: number) {
  return { name: `Work for ${seconds} s`, run: `sleep ${seconds}` };
}
