// A scenario: one fixed story on the stage of the simulation. Nothing happens by chance but what it says; everything
// else goes well. All checkers watch, and the story has assertions of its own on what happened when.

import type { Settings } from '../../../adapters/github/simulated/settings.ts';
import type { Configuration } from '../../../core/configuration.ts';
import type { Play } from './play.ts';

export interface Scenario {
  /** As `SCENARIO=` takes it. */
  name: string;
  /** What it shows, as a sentence: the name of its test. */
  shows: string;
  /** Of the landscape, where it says nothing else. */
  configuration?: Configuration;
  settings?: Partial<Settings>;
  gitHubAheadMs?: number;
  /** The story; afterwards everything must become quiet, with nothing left over. */
  play(play: Play): Promise<void>;
}
