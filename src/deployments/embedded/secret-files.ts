// Files with secrets that every user of the machine can read: also the one that a pool gives its jobs to keep secrets
// from them.

import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const othersRead = 0o004;
const othersPass = 0o001;

/** A sentence for each; what is no file, as a key that is given itself, has none. */
export function warnOfOpenFiles(files: readonly string[]): string[] {
  return files
    .filter(isOpen)
    .map(
      (file) =>
        `Every user of this machine can read ${file}, and so can jobs of a pool that has a user of its own. ` +
        `Remedy: chmod 600 ${file}.`,
    );
}

function isOpen(file: string): boolean {
  try {
    const found = statSync(file);
    return found.isFile() && (found.mode & othersRead) !== 0 && isWayOpen(dirname(resolve(file)));
  } catch {
    // Not there, or no path at all.
    return false;
  }
}

function isWayOpen(folder: string): boolean {
  if ((statSync(folder).mode & othersPass) === 0) return false;
  const above = dirname(folder);
  return above === folder || isWayOpen(above);
}
