/**
 * Work that each new block begins, one at a time: a block that comes while it goes on is left out.
 *
 * Tests: test/relay/anchor/anchor.test.ts, test/e2e/rotated-relay.test.ts
 */

import type { Block, Chain } from '../../chain/chain.js'

export class HeadWork {
  private readonly work: (head: Block) => Promise<void>
  private readonly stopFollowing: () => void
  private working: Promise<void> | undefined
  private stopped = false

  /** `work` never rejects, and looks at `isStopped` between its steps. */
  constructor(chain: Pick<Chain, 'onHead'>, work: (head: Block) => Promise<void>) {
    this.work = work
    this.stopFollowing = chain.onHead((head) => this.begin(head))
  }

  get isStopped(): boolean {
    return this.stopped
  }

  /** Resolves when what goes on has ended. */
  async stop(): Promise<void> {
    this.stopped = true
    this.stopFollowing()
    await this.working
  }

  private begin(head: Block): void {
    if (this.working !== undefined || this.stopped) return
    this.working = this.work(head).finally(() => {
      this.working = undefined
    })
  }
}
