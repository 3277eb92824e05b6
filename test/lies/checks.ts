/** The checks of the client and of the pure verifiers, each with the lies that it alone finds out. */

export interface Check {
  /** Once in all tables. */
  readonly name: string
  /** The file of the source where it stands. */
  readonly file: string
  /** The text that makes the check; exactly once in the file. */
  readonly text: string
  /** What stands there in a client that skips it. */
  readonly instead: string
  /** Names of lies: without the check one of them is shown as proven. */
  readonly lies: readonly string[]
}

export const CHECKS: readonly Check[] = [
  {
    name: 'sets come in order',
    file: 'src/client/verify.ts',
    text: 'requireLater(set, lastSeq)\n    checkForm',
    instead: 'checkForm',
    lies: ['reorders sets', 'repeats a set'],
  },
]
