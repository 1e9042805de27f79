import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface LogBounds {
  logFilesMax: number;
  logBytesTotalMax: number;
}

/** Deletes the oldest logs beyond the bounds; those of living runners count, and stay. */
export async function pruneLogs(
  folder: string,
  isAlive: (name: string) => boolean,
  bounds: LogBounds,
): Promise<void> {
  const files = (await Promise.all((await readdir(folder)).map((file) => fileIn(folder, file)))).filter(
    (file) => file !== null,
  );
  files.sort((a, b) => b.changedAtMs - a.changedAtMs);
  let count = 0;
  let bytes = 0;
  for (const file of files) {
    count += 1;
    bytes += file.bytes;
    const isBeyond = count > bounds.logFilesMax || bytes > bounds.logBytesTotalMax;
    if (isBeyond && !isAlive(file.name)) await rm(file.path, { force: true });
  }
}

async function fileIn(folder: string, file: string) {
  const path = join(folder, file);
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) return null;
  return { path, name: file.slice(0, file.indexOf('.')), changedAtMs: found.mtimeMs, bytes: found.size };
}
