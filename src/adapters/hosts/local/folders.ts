// Where things are in a data directory.
//
//   machines/<machine>/   what is known of a machine: order.json, fence.json, end.json, told.json (records.ts)
//   runners/<name>/       its work directory, gone when it ends
//   logs/<name>.log       its output, kept for a while
//   cache/                the keepers' program, compiled

import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

export interface DataFolders {
  machines: string;
  runners: string;
  logs: string;
  cache: string;
  /** Tells this data directory from all others of this computer, copies of it too. */
  id: string;
}

export interface WorkFolders {
  root: string;
  /** The copy of GitHub's runner, where the pool names its directory. */
  runner: string;
  work: string;
  temporary: string;
  /** For a user who has none. */
  home: string;
}

/** Made if missing. Runners of other users pass through `runners` to their own; nobody else reads the rest. */
export function openDataFolders(dataDirectory: string): DataFolders {
  const folders = {
    machines: join(dataDirectory, 'machines'),
    runners: join(dataDirectory, 'runners'),
    logs: join(dataDirectory, 'logs'),
    cache: join(dataDirectory, 'cache'),
  };
  mkdirSync(folders.machines, { recursive: true, mode: 0o700 });
  mkdirSync(folders.cache, { recursive: true, mode: 0o700 });
  mkdirSync(folders.logs, { recursive: true, mode: 0o700 });
  mkdirSync(folders.runners, { recursive: true, mode: 0o711 });
  const id = createHash('sha256').update(realpathSync(dataDirectory)).digest('hex').slice(0, 12);
  return { ...folders, id };
}

export function workFolders(folders: Pick<DataFolders, 'runners'>, name: string): WorkFolders {
  const root = join(folders.runners, name);
  return {
    root,
    runner: join(root, 'runner'),
    work: join(root, 'work'),
    temporary: join(root, 'tmp'),
    home: join(root, 'home'),
  };
}

export function logPath(folders: DataFolders, name: string): string {
  return join(folders.logs, `${name}.log`);
}
