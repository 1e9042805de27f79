// What all calls of one local host share.

import type { Clock } from '../../../ports/clock.ts';
import type { BaseEnvironment } from './environment.ts';
import type { DataFolders } from './folders.ts';
import type { Machines } from './machines.ts';
import type { LocalHostOptions } from './options.ts';
import type { Records } from './records.ts';
import type { InTurn } from './turns.ts';

export interface LocalContext {
  options: LocalHostOptions;
  clock: Clock;
  folders: DataFolders;
  records: Records;
  machines: Machines;
  base: BaseEnvironment;
  inTurn: InTurn;
  /** Says it once for each key. */
  warn: (key: string, text: string) => void;
}
