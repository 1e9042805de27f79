// Time that is handed to MiniStack: it stands still until it is set, so that a test of minutes takes seconds and has
// the same moments each time. MiniStack asks Python's `time.time()` what time it is. Python runs a module named
// `sitecustomize` before any other, and this one answers from eight bytes of a file that both processes see.

import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface HandedInTime {
  /** For `startMiniStack`. */
  env: Record<string, string>;
  set(epochMs: number): void;
  /** When the MiniStack that reads it has stopped. */
  end(): void;
}

const sitecustomize = `
import mmap, os, struct, time
with open(os.environ["MINISTACK_TIME_FILE"], "rb") as file:
    now = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
time.time = lambda: struct.unpack("<d", now[:8])[0]
`;

export function createHandedInTime(startMs: number): HandedInTime {
  const folder = mkdtempSync(join(tmpdir(), 'ministack-time-'));
  const path = join(folder, 'now');
  writeFileSync(join(folder, 'sitecustomize.py'), sitecustomize);
  const file = openSync(path, 'w');
  const set = (epochMs: number) => {
    const seconds = Buffer.alloc(8);
    seconds.writeDoubleLE(epochMs / 1_000);
    writeSync(file, seconds, 0, seconds.length, 0);
  };
  set(startMs);
  return {
    env: { PYTHONPATH: folder, MINISTACK_TIME_FILE: path },
    set,
    end: () => {
      closeSync(file);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
