// What keeps a data directory from being used, in the words of whoever has to mend it.

import { statfs } from 'node:fs/promises';

/** The write-ahead log of the table takes some MB before it is folded back. */
const freeBytesMin = 8 * 1024 * 1024;

/** Rejects where soon nothing can be written any more: no event is taken then, and who watches has to know. */
export async function demandRoom(dataDirectory: string, bytesMin = freeBytesMin): Promise<void> {
  const { bavail, bsize } = await statfs(dataDirectory);
  if (bavail * bsize >= bytesMin) return;
  throw new Error(
    `the disk of the data directory ${dataDirectory} has ${bavail * bsize} bytes left, and ${bytesMin} are needed: ` +
      'make room there',
  );
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not use it',
  EPERM: 'this user may not use it',
  EROFS: 'its file system can only be read',
  ENOSPC: 'its disk is full',
  EDQUOT: "this user's share of its disk is full",
  EEXIST: 'there is a file of that name',
  ENOTDIR: 'a part of its path is a file',
  // What Node says of a folder that can't be made below one that can only be read.
  ENOENT: 'it can not be made',
};

/** The error as it is, where it is about something else. */
export function explainDataDirectory(error: unknown, dataDirectory: string): unknown {
  const reason = reasonOf(error);
  if (reason === null || !(error instanceof Error)) return error;
  return new Error(
    `The data directory ${dataDirectory} can't be used: ${reason} (${error.message}). Make room there and let this ` +
      'user write to it, or set DATA_DIR to another folder.',
    { cause: error },
  );
}

function reasonOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  if (error.code === 'ERR_SQLITE_ERROR') return 'its database can not be opened';
  return reasons[String(error.code)] ?? null;
}
