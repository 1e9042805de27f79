// Which bundle is which function's code.

import type { OperatingSystem } from '../../../core/configuration.ts';
import type { FunctionKind } from '../functions.ts';
import type { FunctionCode } from './station-function.ts';

export type CodeOf = (kind: FunctionKind, host?: string, os?: OperatingSystem) => FunctionCode;

/** Throws where a function has no bundle: it would be deployed without its code. */
export function codeAmong(bundles: readonly FunctionCode[]): CodeOf {
  return (kind, host, os) => {
    const found = bundles.find(
      (one) => one.kind === kind && one.host === (host ?? null) && one.os === (os ?? null),
    );
    if (found) return found;
    throw new Error(
      `there is no bundle for the function ${[kind, host, os].filter(Boolean).join(' ')}, but ${bundles.length} for ` +
        'others. Remedy: bundle for the same configuration that is deployed.',
    );
  };
}
