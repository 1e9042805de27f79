// A simulated host on AWS needs nothing there: its machines live in a server of its own, which functions reach at the
// address that the configuration names, and which tells of machines' ends on the account's bus.

import type { CreateHostInfrastructure } from '../infrastructure.ts';
import { eventSource } from './park-protocol.ts';

export const createInfrastructure: CreateHostInfrastructure = (_scope, { settings }) => ({
  permissions: [],
  environment: {},
  events: [{ source: [eventSource], detail: { host: [settings.name] } }],
});
