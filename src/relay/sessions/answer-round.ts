/**
 * Answers to the sets of one commit: those of a session go out together, with one call of the system instead of one
 * for each.
 *
 * Tests: test/e2e/sessions.test.ts
 */

/** Whose answers wait for the end of the round. */
interface Answering {
  sendAnswers(): void
}

export class AnswerRound {
  private isOpen = false
  private readonly waiting = new Set<Answering>()

  /** Whether the session's answers have to wait; then they are sent when the round ends. */
  holds(session: Answering): boolean {
    if (this.isOpen) this.waiting.add(session)
    return this.isOpen
  }

  /** `alone`: does something that may fail without an effect on the rest. */
  run(answer: () => void, alone: (act: () => void) => void): void {
    this.isOpen = true
    alone(answer)
    this.isOpen = false
    for (const session of this.waiting) alone(() => session.sendAnswers())
    this.waiting.clear()
  }
}
