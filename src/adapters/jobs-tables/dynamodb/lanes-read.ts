// Which lanes a plan was made on. Lanes move with the ledger's version alone, but DynamoDB applies a transaction to its
// items one after the other: whoever reads in that moment may find the new ledger and an old lane, each of them read
// strongly [DynamoDB: transaction isolation levels; its reads are serializable with a transaction one by one, not
// together]. So a commit also asks that each lane it writes is the one that was read. Of that nothing is in the plan,
// so it is kept here, for the ledger's version at which it was read.

import type { HostName } from '../../../core/ids.ts';

export type LanesRead = ReturnType<typeof createLanesRead>;

export function createLanesRead() {
  /** One entry for each host, and in it the lanes that were read at one version. */
  const ofHosts = new Map<HostName, { version: number; lanes: Map<string, number | null> }>();

  return {
    /** What is read from now on is at this version of the ledger at least. */
    begin(host: HostName, version: number): void {
      if (ofHosts.get(host)?.version !== version) ofHosts.set(host, { version, lanes: new Map() });
    },

    /** The first one counts where a lane is read twice: the plan may stand on it. */
    note(host: HostName, lanes: readonly [lane: string, version: number | null][]): void {
      const known = ofHosts.get(host)?.lanes;
      for (const [lane, version] of lanes) if (!known?.has(lane)) known?.set(lane, version);
    },

    /** What was read is no longer so: the next plan reads anew. */
    forget: (host: HostName): void => void ofHosts.delete(host),

    /** `null`: it was not there; `undefined`: it was not read by us. */
    versionOf(host: HostName, version: number, lane: string): number | null | undefined {
      const known = ofHosts.get(host);
      return known?.version === version ? known.lanes.get(lane) : undefined;
    },
  };
}
