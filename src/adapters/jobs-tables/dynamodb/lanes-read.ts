// What a plan was made on, beside the ledger. Lanes move with the ledger's version alone, but DynamoDB applies a
// transaction to its items one after the other: whoever reads in that moment may find the new ledger and an old lane,
// each of them read strongly [DynamoDB: transaction isolation levels; its reads are serializable with a transaction one
// by one, not together]. So a commit also asks that each lane it writes is the one that was read. Of that nothing is in
// the plan, so it is kept here, for the ledger's version at which it was read.
//
// Also kept: which lanes stand in the queue for places or in the list of times. While they are few, the ledger's row
// names them, so that books need no query to find them.

import type { HostName } from '../../../core/ids.ts';
import type { Row } from './schema.ts';

export type LanesRead = ReturnType<typeof createLanesRead>;

/** More are found by queries: their names would cost each commit a write unit more. */
const nearLanesMax = 8;
/** Lanes of a host that were worked on lately, and so are likely to be wanted again. */
const recentLanesMax = 8;

interface OfHost {
  version: number;
  lanes: Map<string, number | null>;
  /** `undefined`: not known, or too many. */
  near: readonly string[] | undefined;
}

export function createLanesRead() {
  /** One entry for each host, and in it the lanes that were read at one version. */
  const ofHosts = new Map<HostName, OfHost>();
  const recentLanes = new Map<HostName, readonly string[]>();

  function use(host: HostName, lanes: readonly string[]): void {
    const known = recentLanes.get(host) ?? [];
    recentLanes.set(host, [...new Set([...lanes, ...known])].slice(0, recentLanesMax));
  }

  return {
    /** What is read from now on is at this version of the ledger at least. */
    begin(host: HostName, ledger: Row | null): void {
      const version = ledger?.version ?? 0;
      if (ofHosts.get(host)?.version === version) return;
      ofHosts.set(host, { version, lanes: new Map(), near: ledger === null ? [] : ledger.near });
    },

    /** The first one counts where a lane is read twice: the plan may stand on it. */
    note(host: HostName, lanes: readonly [lane: string, version: number | null][]): void {
      const known = ofHosts.get(host)?.lanes;
      for (const [lane, version] of lanes) if (!known?.has(lane)) known?.set(lane, version);
      use(
        host,
        lanes.map(([lane]) => lane),
      );
    },

    /** What was read is no longer so: the next plan reads anew. */
    forget: (host: HostName): void => void ofHosts.delete(host),

    /** `null`: it was not there; `undefined`: it was not read by us. */
    versionOf(host: HostName, version: number, lane: string): number | null | undefined {
      const known = ofHosts.get(host);
      return known?.version === version ? known.lanes.get(lane) : undefined;
    },

    /** Those in the queue or in the list, at the version that was read last; `undefined`: queries have to tell. */
    near: (host: HostName): readonly string[] | undefined => ofHosts.get(host)?.near,

    /** Queries have told of all of them. */
    nearAre(host: HostName, lanes: readonly string[]): void {
      const known = ofHosts.get(host);
      if (known) known.near = fewOf(lanes);
    },

    /** As they are after a commit that was made on `version`. */
    nearAfter(host: HostName, version: number, lanes: readonly Row[], emptied: readonly string[]) {
      const known = ofHosts.get(host);
      if (known?.version !== version || known.near === undefined) return undefined;
      const near = new Set(known.near);
      for (const { sk } of lanes) near.delete(sk);
      for (const sk of emptied) near.delete(sk);
      for (const { sk, queue, timed } of lanes) if (queue !== undefined || timed !== undefined) near.add(sk);
      return fewOf([...near]);
    },

    /** Likely to be wanted by the next books of the host. */
    likely: (host: HostName): readonly string[] => recentLanes.get(host) ?? [],
  };
}

function fewOf(lanes: readonly string[]): readonly string[] | undefined {
  return lanes.length <= nearLanesMax ? lanes : undefined;
}
