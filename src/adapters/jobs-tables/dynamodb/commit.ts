// What a plan wants written: one transaction on the ledger's version and on that of each item. DynamoDB says of each
// part why it refused it, in the order in which the parts were given.

import { TransactionCanceledException, TransactionInProgressException } from '@aws-sdk/client-dynamodb';
import { TransactWriteCommand, type TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import type { Commit } from '../../../core/commit.ts';
import type { HostName } from '../../../core/ids.ts';
import type { Committed, ItemKey } from '../../../ports/jobs-table.ts';
import { assertCommit } from '../record.ts';
import { type Access, versionIs } from './access.ts';
import type { LanesRead } from './lanes-read.ts';
import { laneRow, ledgerRow, type Rows } from './rows.ts';
import { laneRowKey, type Row } from './schema.ts';

/** The SDK does not try a cancelled transaction again: it can not know what follows. Throttled ones we do. */
const attemptsMax = 4;

type Part = NonNullable<TransactWriteCommandInput['TransactItems']>[number];
interface PartOf {
  part: Part;
  /** Whose version it is about; `null`: the books'. */
  item: ItemKey | null;
}

export function createCommits(access: Access, rows: Rows, lanesRead: LanesRead) {
  const { tableName } = access;

  function put(row: Row, version: number | null): Part {
    return { Put: { TableName: tableName, Item: row, ...versionIs(version) } };
  }

  function asRead(host: HostName, version: number, lane: string) {
    const laneVersion = lanesRead.versionOf(host, version, lane);
    return laneVersion === undefined ? {} : versionIs(laneVersion);
  }

  /** The ledger comes first. */
  function partsOf(commit: Commit, wrote: string): PartOf[] {
    const { host, version, ledger } = commit;
    const lanes = commit.lanes.map((lane) => laneRow(lane, ledger.version));
    const emptied = commit.lanesEmptied.map(({ key }) => key);
    const near = lanesRead.nearAfter(host, version, lanes, emptied);
    return [
      { part: put({ ...ledgerRow(ledger), near }, version === 0 ? null : version), item: null },
      ...lanes.map((row) => ({
        part: { Put: { TableName: tableName, Item: row, ...asRead(host, version, row.sk) } },
        item: null,
      })),
      ...commit.lanesEmptied.map((lane) => ({
        part: {
          Delete: {
            TableName: tableName,
            Key: laneRowKey(host, lane.key),
            ...asRead(host, version, lane.key),
          },
        },
        item: null,
      })),
      ...commit.jobs.map((job): PartOf => {
        const row = rows.ofJob({ ...job, version: job.version + 1 });
        return { part: put({ ...row, wrote }, job.version), item: { kind: 'job', key: job.key } };
      }),
      ...commit.runners.map((runner): PartOf => {
        const row = rows.ofRunner({ ...runner, version: runner.version + 1 });
        return {
          part: put({ ...row, wrote }, runner.version),
          item: { kind: 'runner', name: runner.name },
        };
      }),
      ...commit.runnersNew.map((runner): PartOf => {
        const row = rows.ofRunner({ ...runner, version: runner.version + 1 });
        return { part: put({ ...row, wrote }, null), item: { kind: 'runner', name: runner.name } };
      }),
    ];
  }

  return async (commit: Commit): Promise<Committed> => {
    assertCommit(commit);
    // Whoever sends it, and the SDK when an answer is lost, asks for the same transaction: it is done once.
    const token = access.makeToken();
    const parts = partsOf(commit, token);
    const request = { TransactItems: parts.map(({ part }) => part), ClientRequestToken: token };
    for (let attempt = 1; ; attempt += 1) {
      try {
        await access.client.send(new TransactWriteCommand(request));
        access.saw(parts.flatMap(({ part, item }) => (item === null ? [] : ((part.Put?.Item as Row) ?? []))));
        return { outcome: 'committed' };
      } catch (error) {
        const meant = meaningOf(error, parts);
        if (meant === null || (meant === 'again' && attempt === attemptsMax)) throw error;
        if (meant !== 'again') {
          lanesRead.forget(commit.host);
          return meant;
        }
        await access.pause(attempt);
      }
    }
  };
}

/** `null`: a fault. */
function meaningOf(error: unknown, parts: readonly PartOf[]): Committed | 'again' | null {
  // Our own first try, whose answer did not come, is still at it.
  if (error instanceof TransactionInProgressException) return 'again';
  if (!(error instanceof TransactionCanceledException)) return null;
  const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code ?? 'None');
  const failed = 'ConditionalCheckFailed';
  // The ledger, or a lane that was read while another commit was about to write it.
  if (codes.some((code, i) => code === failed && parts[i]?.item === null)) return { outcome: 'lost' };
  const items = codes.flatMap((code, i) => (code === failed ? (parts[i]?.item ?? []) : []));
  if (items.length > 0) return { outcome: 'conflict', items };
  // Somebody writes one of the items at this moment: no item has changed yet, none is to blame.
  if (codes.includes('TransactionConflict')) return { outcome: 'conflict', items: [] };
  if (codes.some((code) => code === 'ThrottlingError' || code === 'ProvisionedThroughputExceeded'))
    return 'again';
  return null;
}
