import type { Telemetry } from '../../../ports/telemetry.ts';

/** Says nothing. */
export const noTelemetry: Telemetry = { count: () => {}, observe: () => {}, gauge: () => {}, log: () => {} };
