/**
 * What a command knows of the process that runs it: handed in, so that a test can be the process.
 *
 * Tests: test/cli/main.test.ts
 */

export interface Io {
  /** A result, without its line break: stdout. */
  readonly out: (line: string) => void
  /** A result that is no text: stdout as it is. Left out where stdout takes text alone, as a terminal does. */
  readonly outBytes?: (bytes: Uint8Array) => void
  /** Talk, without its line break: stderr. */
  readonly err: (line: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether stderr is a terminal: colour and progress are for those only. */
  readonly isTerminal: boolean
  /** Aborted by the first SIGINT or SIGTERM; the command cleans up and returns its exit code. */
  readonly signal: AbortSignal
}

/**
 * What every command's file exports as `run`. `argv` is what follows the command's name. Resolves with the exit code.
 */
export type Run = (argv: readonly string[], io: Io) => Promise<number>

/** What somebody else wrote, as a line of text: it may hold what a terminal obeys. */
export function printable(line: string): string {
  return line.replaceAll(/\p{C}/gu, '\u{fffd}')
}
