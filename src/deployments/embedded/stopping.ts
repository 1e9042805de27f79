import process, { exit } from 'node:process';

/** What a shell reports of a program that Ctrl-C has ended. */
const interruptedStatus = 130;

/** Ctrl-C or SIGTERM ends cleanly; a second one at once. */
export function stopOnSignals(deps: { stop: () => Promise<void>; say: (text: string) => void }): void {
  let isStopping = false;
  const onSignal = () => {
    if (isStopping) exit(interruptedStatus);
    isStopping = true;
    deps.say('Stopping. Once more ends it at once.');
    deps.stop().then(
      () => exit(0),
      (error: unknown) => {
        deps.say(`It did not stop cleanly, and ends all the same: ${String(error)}`);
        exit(1);
      },
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
