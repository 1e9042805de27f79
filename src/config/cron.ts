// Whether a moment of a schedule can be read: five fields of a crontab, and the name of a time zone.

import { Cron } from 'croner';

export function isCron(text: string): boolean {
  try {
    new Cron(text, { mode: '5-part', paused: true });
    return true;
  } catch {
    return false;
  }
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
