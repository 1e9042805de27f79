// How a person names a job: by its id, or by the address of its page at GitHub.

/** `https://github.com/acme/app/actions/runs/1/job/2`, `…/runs/1/jobs/2`, the API's `…/actions/jobs/2`, or `2`. */
const inAddress = /\/(?:runs\/\d+\/(?:attempts\/\d+\/)?jobs?|actions\/jobs)\/(\d{1,16})(?:[/?#].*)?$/;

/** `null` where it names none. */
export function parseJobReference(text: string): number | null {
  const digits = /^\d{1,16}$/.test(text) ? text : (inAddress.exec(text)?.[1] ?? null);
  const id = digits === null ? Number.NaN : Number(digits);
  return Number.isSafeInteger(id) && id > 0 ? id : null;
}
