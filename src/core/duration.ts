// Durations as people read them: one unit, and the coarser the longer.

export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** Of something to come: a part of a second is a second, as it is not there yet. */
export function inTime(ms: number): string {
  return ms <= 0 ? 'now' : `in ${lasting(Math.ceil(ms / 1000) * 1000)}`;
}
