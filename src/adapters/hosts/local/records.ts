// What is known of a machine, on disk, one file for each step, each written once and never changed. So a crash at any
// moment leaves a story that can be read to its end:
//
//   order.json   before anything is started: whose machine it is
//   fence.json   who decided whether it starts: its keeper, by recording itself before it starts the runner, or
//                whoever revoked it. There is room for one, so that a keeper that comes late starts nothing, and two
//                keepers start one runner.
//   end.json     nothing of it is alive any more, and why
//   told.json    its end was told; from here on it is a tombstone

import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isCode, writeOnce } from './write-once.ts';

const order = z.object({
  name: z.string().max(64),
  machine: z.string().max(80),
  pool: z.string().max(64),
  attempt: z.number().int(),
  orderedAt: z.number(),
});

const fence = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('keeper'), pid: z.number().int().positive(), startedAt: z.string().max(200) }),
  z.object({ kind: z.literal('revoked'), why: z.string().max(2000) }),
]);

const end = z.object({ cause: z.string().max(2000) });

const told = z.object({ at: z.number() });

export type OrderRecord = z.output<typeof order>;
export type FenceRecord = z.output<typeof fence>;
export type EndRecord = z.output<typeof end>;

export interface MachineRecords {
  order: OrderRecord;
  fence: FenceRecord | null;
  end: EndRecord | null;
  toldAt: number | null;
}

export type Records = ReturnType<typeof createRecords>;

export function createRecords(machinesFolder: string) {
  const folderOf = (machine: string): string => join(machinesFolder, machine);

  async function read<T>(machine: string, file: string, schema: z.ZodType<T>): Promise<T | null> {
    const path = join(folderOf(machine), file);
    try {
      return schema.parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      if (isCode(error, 'ENOENT')) return null;
      const remedy = 'If no runner of it is alive any more, delete its folder.';
      throw new Error(`${path} is damaged, so it is not known what became of that machine. ${remedy}`, {
        cause: error,
      });
    }
  }

  return {
    fencePath: (machine: string): string => join(folderOf(machine), 'fence.json'),
    endPath: (machine: string): string => join(folderOf(machine), 'end.json'),

    writeOrder: async (record: OrderRecord): Promise<void> => {
      const folder = folderOf(record.machine);
      await mkdir(folder, { mode: 0o700 });
      try {
        await writeOnce(join(folder, 'order.json'), record);
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
    },
    /** False where its keeper, or somebody who revoked it, came first. */
    revoke: (machine: string, why: string): Promise<boolean> =>
      writeOnce(join(folderOf(machine), 'fence.json'), { kind: 'revoked', why } satisfies FenceRecord),
    writeEnd: async (machine: string, record: EndRecord): Promise<void> => {
      await writeOnce(join(folderOf(machine), 'end.json'), record);
    },
    writeTold: async (machine: string, at: number): Promise<void> => {
      await writeOnce(join(folderOf(machine), 'told.json'), { at });
    },

    readFence: (machine: string): Promise<FenceRecord | null> => read(machine, 'fence.json', fence),
    readEnd: (machine: string): Promise<EndRecord | null> => read(machine, 'end.json', end),
    /** All that were begun. A folder without an order is one whose launch crashed before anything could start. */
    readAll: async (): Promise<MachineRecords[]> => {
      const all: MachineRecords[] = [];
      for (const machine of await readdir(machinesFolder)) {
        const found = await read(machine, 'order.json', order);
        if (!found) {
          await rm(folderOf(machine), { recursive: true, force: true });
          continue;
        }
        all.push({
          order: found,
          fence: await read(machine, 'fence.json', fence),
          end: await read(machine, 'end.json', end),
          toldAt: (await read(machine, 'told.json', told))?.at ?? null,
        });
      }
      return all;
    },
    forget: (machine: string): Promise<void> => rm(folderOf(machine), { recursive: true, force: true }),
  };
}
