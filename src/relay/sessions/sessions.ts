/**
 * All sessions: who may come in, the tick that keeps their time, and their end (PROTOCOL §8, §15).
 *
 * Tests: test/e2e/sessions.test.ts, test/e2e/limits.test.ts
 */

import type { Settings } from '../../settings/settings.js'
import type { WireVersion } from '../../wire/envelope.js'
import type { RateLimiter } from '../transport/rate-limit.js'
import type { Connection, UpgradeDecision, UpgradeRequest, WebSocketHandlers } from '../transport/transport.js'
import { CLOSE_RESTART, Session, type SessionHost } from './session.js'

export interface SessionsOptions extends Omit<SessionHost, 'settings' | 'ended'> {
  readonly settings: SessionHost['settings'] & Pick<Settings, 'sessionsMax' | 'sessionsPerAddressMax'>
  readonly upgradeRate: Pick<RateLimiter, 'take'>
}

const VERSIONS: ReadonlyMap<string, WireVersion> = new Map([
  ['/v4/sessions', 4],
  ['/v5/sessions', 5],
])
const TICK_MS = 250
/** A tick that comes this much too late, or too early, tells of a process that stood still or a clock that was set. */
const TICK_SLIP_MS = 1_000

export class Sessions {
  private readonly options: SessionsOptions
  private readonly host: SessionHost
  private readonly sessions = new Map<Connection, Session>()
  private readonly perAddress = new Map<string, number>()
  private closing = false
  private stopTicking: () => void = () => undefined
  private nextTickMs: number

  constructor(options: SessionsOptions) {
    this.options = options
    this.host = { ...options, ended: (session) => this.ended(session) }
    this.nextTickMs = options.clock.nowMs()
    this.tick()
  }

  get count(): number {
    return this.sessions.size
  }

  /** Whether sessions have requests without an answer. */
  get isBusy(): boolean {
    return [...this.sessions.values()].some((session) => session.isBusy)
  }

  decideUpgrade({ path, address }: UpgradeRequest): UpgradeDecision {
    const { settings, upgradeRate } = this.options
    if (!VERSIONS.has(path))
      return refuse(404, `there is no ${path.slice(0, 64)}; sessions are at ${[...VERSIONS.keys()].join(' and ')}\n`)
    if (this.closing) return refuse(503, 'the relay is shutting down\n')
    if (!upgradeRate.take(address)) return refuse(429, 'too many connections in a short time\n')
    if ((this.perAddress.get(address) ?? 0) >= settings.sessionsPerAddressMax)
      return refuse(429, 'too many sessions of one address\n')
    if (this.sessions.size >= settings.sessionsMax) return refuse(503, 'too many sessions\n')
    return { accept: true }
  }

  readonly websocket: WebSocketHandlers = {
    opened: (connection, { hasOrigin, path }) => {
      this.sessions.set(connection, new Session(this.host, connection, hasOrigin, VERSIONS.get(path)!))
      this.perAddress.set(connection.address, (this.perAddress.get(connection.address) ?? 0) + 1)
    },
    frame: (connection, bytes) => {
      if (!this.closing) this.sessions.get(connection)?.frame(bytes)
    },
    drained: (connection) => this.sessions.get(connection)?.drained(),
    closed: (connection) => this.sessions.get(connection)?.finish(),
  }

  /** New sessions are refused from now on, and what clients still send is not taken up; nobody's silence counts. */
  stopAccepting(): void {
    this.closing = true
    this.stopTicking()
  }

  /** Ends all sessions with a code that means: come back. */
  closeAll(): void {
    this.stopAccepting()
    for (const session of [...this.sessions.values()])
      session.close(CLOSE_RESTART, 'the relay restarts; reconnect with jitter')
  }

  private ended({ connection }: Session): void {
    if (!this.sessions.delete(connection)) return
    const left = (this.perAddress.get(connection.address) ?? 1) - 1
    if (left > 0) this.perAddress.set(connection.address, left)
    else this.perAddress.delete(connection.address)
  }

  private tick(): void {
    const { clock, settings } = this.options
    const now = clock.nowMs()
    const slip = now - this.nextTickMs
    // What clients sent meanwhile was not read yet: it is not they who were silent.
    if (Math.abs(slip) > TICK_SLIP_MS) for (const session of this.sessions.values()) session.shiftTime(slip)
    for (const session of [...this.sessions.values()]) session.tick(now)
    const wait = Math.min(TICK_MS, settings.pingIntervalMs)
    this.nextTickMs = now + wait
    this.stopTicking = clock.after(wait, () => this.tick())
  }
}

function refuse(status: number, body: string): UpgradeDecision {
  return { accept: false, status, body }
}
