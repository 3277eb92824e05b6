/** All checks of the client and of the pure verifiers that it uses, each with the lies that it alone finds out. */

import type { Check } from './check.js'
import { OF_KEYS } from './checks-of-keys.js'
import { OF_LOGS } from './checks-of-logs.js'
import { OF_RECEIPTS } from './checks-of-receipts.js'
import { OF_STATES } from './checks-of-states.js'

export const CHECKS: readonly Check[] = [...OF_KEYS, ...OF_LOGS, ...OF_STATES, ...OF_RECEIPTS]
