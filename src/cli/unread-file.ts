/**
 * Why a file cannot be read, in everyday words.
 *
 * Tests: test/cli/catalogue-commands.test.ts, test/cli/verify.test.ts
 */

/** Of what the file system throws; the end of a sentence that names the file. */
export function whyUnread(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return Object.hasOwn(REASONS, code) ? REASONS[code]! : message
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such folder',
  EISDIR: 'it is a folder',
  EACCES: 'its permissions forbid it',
}
