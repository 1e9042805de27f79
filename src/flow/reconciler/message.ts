// The Reconciler's steps. Each is a message of its own, with its own retries, so that one that fails does not starve
// the others.

import type { HostName, JobKey } from '../../core/ids.ts';
import type { AskPurpose } from '../../core/job.ts';
import type { Sweep } from '../../ports/jobs-table.ts';

export type Step =
  | { step: 'runnersDue'; host: HostName }
  | { step: 'jobsDue' }
  | { step: 'uncounted'; host: HostName }
  | { step: 'wake'; host: HostName }
  | { step: 'measure'; host: HostName }
  | { step: 'purge' }
  | { step: 'sweep'; kind: Sweep['kind']; subject: string }
  | { step: 'ask'; job: JobKey; purpose: AskPurpose };
