// The Reconciler's steps. Each is a message of its own, with its own retries, so that one that fails does not starve
// the others.

import type { HostName, JobKey } from '../../core/ids.ts';
import type { AskPurpose } from '../../core/job.ts';
import type { Sweep } from '../../ports/jobs-table.ts';

/** When a tick said it. One that is older than two ticks was said again since, if it is still to do. */
type At = number | undefined;

export type Step =
  | { step: 'runnersDue'; host: HostName; at?: At }
  | { step: 'jobsDue'; at?: At }
  | { step: 'uncounted'; host: HostName; at?: At }
  | { step: 'wake'; host: HostName; at?: At }
  | { step: 'measure'; host: HostName; at?: At }
  | { step: 'purge'; at?: At }
  | { step: 'sweep'; kind: Sweep['kind']; subject: string; at?: At }
  /** Said once. */
  | { step: 'ask'; job: JobKey; purpose: AskPurpose };
