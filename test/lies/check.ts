/** A row of the tables of checks. */

export interface Check {
  /** Once in all tables. */
  readonly name: string
  /** The file of the source where it stands. */
  readonly file: string
  /** The text that makes the check; exactly once in the file. */
  readonly text: string
  /** What stands there in a client that skips it. */
  readonly instead: string
  /** Names of lies: without the check one of them at least is shown as proven. */
  readonly lies: readonly string[]
}

export function check(name: string, file: string, text: string, instead: string, lies: readonly string[]): Check {
  return { name, file, text, instead, lies }
}
