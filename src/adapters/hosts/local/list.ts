import type { ListedMachine } from '../../../ports/host.ts';
import type { LocalContext } from './context.ts';

/** As it is this moment; the dead of the last hour too. */
export async function list({ machines }: LocalContext): Promise<ListedMachine[]> {
  machines.forgetOld();
  await machines.look(machines.all());
  return [...machines.all()].map(({ name, machine, diedAt }) => ({ name, machine, alive: diedAt === null }));
}
