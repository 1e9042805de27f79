import { link, mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a file whole, or finds it written: `false`. Of all who try at once, in this process and in others, one
 * writes: a hard link to a finished file can be made only where there is none of that name. It is on disk when this
 * resolves.
 */
export async function writeOnce(path: string, content: unknown): Promise<boolean> {
  const drafts = await mkdtemp(`${path}.draft-`);
  try {
    const draft = join(drafts, 'content');
    await writeDurably(draft, JSON.stringify(content));
    await link(draft, path);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(drafts, { recursive: true, force: true });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}
