/** `cairn audit` on data that follow, and on data of which one row was changed. */

import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { publicKeyOf } from '#signature'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { prefixedHex } from '../../src/bytes/hex.js'
import { main } from '../../src/cli/main.js'
import { GUESTS_ACCOUNT } from '../../src/objects/account.js'
import { checkpointDigest, decodeCheckpoint } from '../../src/proofs/checkpoint-form.js'
import { AnchorHistory } from '../../src/relay/anchor/anchor-history.js'
import { openStore } from '../../src/store/open.js'
import { openGuard } from '../../src/store/signed-guard.js'
import type { LogRecord } from '../../src/store/store.js'
import { AS_RELAY, AuditedData, flipped, RELAY } from '../fixtures/audited-data.js'
import { cairn } from '../fixtures/cairn.js'
import { cairn as cairnProcess, endAll } from '../fixtures/program.js'
import { listing, newSecret, order } from '../fixtures/relay-harness.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'
import { wholeData } from '../fixtures/whole-data.js'

let directory: string
let written: AuditedData

beforeAll(async () => {
  written = await AuditedData.written()
})
beforeEach(async () => {
  directory = await freshDirectory()
})
afterEach(async () => {
  await endAll()
  await removeDirectory(directory)
})

/** A copy that a test may change. */
function copy(): AuditedData {
  const data = new AuditedData(written.shopId)
  return Object.assign(data, written, {
    records: [...written.records],
    added: [...written.added],
    checkpoints: written.checkpoints.map((kept) => ({ ...kept })),
  })
}

async function audit(...argv: string[]): Promise<{ code: number; lines: string[]; err: string }> {
  const { code, out, err } = await cairn('audit', directory, '--threads', '0', ...argv)
  return { code, lines: out === '' ? [] : out.split('\n'), err }
}

async function auditOf(change: (data: AuditedData) => void, ...argv: string[]) {
  const data = copy()
  change(data)
  await data.save(directory)
  return audit(...argv)
}

const HEX = '0x[0-9a-f]{64}'

describe('data of which all follows: 0', () => {
  it('says how far, and to which state root', async () => {
    await written.save(directory)
    const { code, lines } = await audit()
    const { length } = written.records
    expect(lines).toEqual([
      expect.stringMatching(
        new RegExp(`^shop 77: all of sets 1 to ${length} follows; state root ${HEX}; \\d checkpoints`, 'u'),
      ),
      expect.stringMatching(
        new RegExp(
          `^shops 1, sets ${length}, patches \\d+, checkpoints ${written.checkpoints.length}, differences 0$`,
          'u',
        ),
      ),
    ])
    expect(code).toBe(0)
    expect(written.checkpoints.length).toBeGreaterThan(1)
    expect(new Set(written.records.map(({ role }) => role))).toEqual(new Set(['relay', 'owner', 'guest']))
  })

  it('of several shops, or of some; one that is not there: 2', async () => {
    await written.save(directory)
    await (await AuditedData.written(78n)).save(directory)
    expect((await audit()).lines).toHaveLength(3)
    expect((await audit('--shop', '78')).lines[0]).toMatch(/^shop 78: /u)
    expect((await audit('--shop', '78,77')).lines).toHaveLength(3)
    expect(await audit('--shop', '4')).toEqual({ code: 2, lines: [], err: 'cairn audit: there is no shop 4' })
  })

  it('as a killed relay leaves them, with orders of many guests', async () => {
    const whole = await wholeData()
    const relays = ['--relay', prefixedHex(RELAY)]
    const { code, out } = await cairn('audit', whole, '--threads', '0', ...relays)
    await rm(dirname(whole), { recursive: true })
    expect([code, out]).toEqual([0, expect.stringMatching(/^shops 3, sets \d{3}, .*, differences 0$/mu)])
  })

  it('as JSON, a line each', async () => {
    await written.save(directory)
    const { code, lines } = await audit('--json')
    expect(code).toBe(0)
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        shop: '77',
        outcome: 'matches',
        sets: written.records.length,
        patches: expect.any(Number),
        state_root: expect.stringMatching(new RegExp(`^${HEX}$`, 'u')),
        checkpoints: written.checkpoints.length,
        checkpoint_seq: 3 * written.checkpoints.length,
        anchors: 0,
        signed_by: [prefixedHex(RELAY)],
      },
    ])
  })

  it('by the database’s own file, with threads, and changes nothing', async () => {
    await written.save(directory)
    const before = await readFile(join(directory, 'cairn.mdb'))
    await mkdir(join(directory, 'backup'))
    await copyFile(join(directory, 'cairn.mdb'), join(directory, 'backup', 'other.mdb'))
    const { code, out } = await cairnProcess([
      'audit',
      join(directory, 'backup', 'other.mdb'),
      '--threads',
      '2',
    ]).outcome()
    expect([code, out]).toEqual([3, expect.stringContaining('nobody named the relay’s key'.replace('’', "'"))])
    const named = ['audit', join(directory, 'backup', 'other.mdb'), '--relay', prefixedHex(RELAY)]
    expect((await cairnProcess(named).outcome()).code).toBe(0)
    expect((await cairnProcess(['audit', join(directory, 'cairn.mdb')]).outcome()).code).toBe(0)
    expect(await readFile(join(directory, 'cairn.mdb'))).toEqual(before)
  })
})

describe('what cannot be audited', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['a flag that is not known', ['--deep'], /--deep/u],
    ['a shop that is no number', ['--shop', 'mine'], /--shop/u],
    ['an address that is none', ['--relay', '0x12'], /--relay/u],
  ])('%s: 2', async (_what, argv, line) => {
    await written.save(directory)
    const { code, lines, err } = await audit(...argv)
    expect([code, lines]).toEqual([2, []])
    expect(err).toMatch(line)
  })

  it('no data: 2', async () => {
    const { code, err } = await audit()
    expect([code, err]).toEqual([2, expect.stringContaining('holds no cairn data')])
  })

  it('is stopped by Ctrl-C: 2', async () => {
    await written.save(directory)
    const err: string[] = []
    const signal = AbortSignal.abort(new Error('SIGINT'))
    const io = { out: () => undefined, err: (line: string) => err.push(line), env: {}, isTerminal: false, signal }
    expect(await main(['audit', directory, '--threads', '0'], io)).toBe(2)
    expect(err.at(-1)).toBe('cairn audit: stopped before it was done')
  })
})

/** Of the sets whose numbers they have. */
function changed(data: AuditedData, seq: number, change: (record: LogRecord) => Partial<LogRecord>): void {
  const record = data.records[seq - 1]!
  data.records[seq - 1] = { ...record, ...change(record) }
}

describe('a row that was changed, its checksum with it: 1, and the first difference with both values', () => {
  const seqOf = (role: LogRecord['role']) => written.last(role).seq

  it('a byte of a patch', async () => {
    const seq = seqOf('owner')
    const { code, lines } = await auditOf((data) =>
      changed(data, seq, ({ patches }) => ({ patches: [flipped(patches[0]!, -1), ...patches.slice(1)] })),
    )
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`^shop 77, set ${seq}: its header has not the root of its patches: found ${HEX}, not ${HEX}$`, 'u'),
      ),
    ])
    expect(lines.at(-1)).toMatch(/differences 1$/u)
  })

  it('a signature', async () => {
    const seq = seqOf('owner')
    const { code, lines } = await auditOf((data) =>
      changed(data, seq, () => ({ signature: data.records[seq - 2]!.signature })),
    )
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`^shop 77, set ${seq}: its signature (?:is not of its signer: found|leads)`, 'u'),
      ),
    ])
  })

  it('a signature of the relay, by another key', async () => {
    await written.save(directory)
    await writeFile(join(directory, 'relay.key'), '11'.repeat(32))
    const { code, lines } = await audit()
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(/^shop 77, set 1: it is signed by 0x\w{40}, the relay/u),
    ])
  })

  it('a nonce', async () => {
    const own = written.records.filter(({ role }) => role === 'owner')
    const [first, second] = [own[0]!, own[1]!]
    const { code, lines } = await auditOf((data) => {
      const { header, signature, patches } = first
      changed(data, second.seq, () => ({ header, signature, patches }))
    })
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`^shop 77, set ${second.seq}: its nonce is not greater .*: found \\d+, not above \\d+$`, 'u'),
      ),
    ])
  })

  it('a state hash', async () => {
    const { code, lines } = await auditOf((data) =>
      changed(data, 2, ({ stateHash }) => ({ stateHash: flipped(stateHash) })),
    )
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^shop 77, set 2: its state hash: found ${HEX}, not ${HEX}$`, 'u')),
    ])
  })

  it.each([
    ['a state root', 4, 0, /its state root/u],
    ['a node of the range', 16, 32, /node 29 of the log's range/u],
    ['a parent in the range', 16, 64, /node 30 of the log's range/u],
    ['a node of the tree', 16, 96, /node 1 of level 3 of the log's tree/u],
    ['a parent in the tree', 16, 128, /node 0 of level 4 of the log's tree/u],
  ])('%s', async (_what, seq, at, text) => {
    const { code, lines } = await auditOf((data) => {
      for (let id = 50n; data.records.length < 16; id++) data.write(AS_RELAY, listing(id))
      data.added[seq - 1] = flipped(data.added[seq - 1]!, at)
    })
    expect([code, lines[0]]).toEqual([1, expect.stringMatching(new RegExp(`: found ${HEX}, not ${HEX}$`, 'u'))])
    expect(lines[0]).toMatch(new RegExp(`^shop 77, set ${seq}: `, 'u'))
    expect(lines[0]).toMatch(text)
  })

  it.each<[string, (data: AuditedData) => void, RegExp]>([
    ['StateRoot', (data) => data.checkpoint(3, { StateRoot: flipped(new Uint8Array(32)) }), /StateRoot: found/u],
    ['StateHash', (data) => data.checkpoint(3, { StateHash: flipped(new Uint8Array(32)) }), /StateHash: found/u],
    ['a peak', (data) => data.checkpoint(3, { Peaks: [new Uint8Array(32), new Uint8Array(32)] }), /peak 0: found/u],
    ['the shop', (data) => data.checkpoint(3, { ShopID: 4n }), /ShopID is 4, not 77/u],
    ['who signed it', (data) => data.checkpoint(3, {}, new Uint8Array(32).fill(3)), /signed by 0x/u],
  ])('a checkpoint: %s', async (_what, sign, text) => {
    const { code, lines } = await auditOf((data) => {
      data.checkpoints.length = 0
      sign(data)
      for (const kept of written.checkpoints.slice(1)) data.checkpoints.push(kept)
    })
    expect([code, lines[0]]).toEqual([1, expect.stringMatching(text)])
    expect(lines[0]).toMatch(/^shop 77, set 3: /u)
  })

  it('a checkpoint whose time falls, and one of another registry', async () => {
    const [first, second] = written.checkpoints
    const earlier = await auditOf((data) => {
      data.checkpoints[1] = { ...second!, fields: { ...second!.fields, Timestamp: first!.fields.Timestamp } }
      data.checkpoints[0] = { ...first!, fields: { ...first!.fields, Timestamp: second!.fields.Timestamp } }
    })
    expect([earlier.code, earlier.lines[0]]).toEqual([1, expect.stringMatching(/^shop 77, set 6: .*Timestamp: found/u)])
    await removeDirectory(directory)
    directory = await freshDirectory()
    const other = await auditOf((data) => {
      data.checkpoints[1] = { ...second!, fields: { ...second!.fields, Relay: 2n } }
    })
    expect([other.code, other.lines[0]]).toEqual([1, expect.stringMatching(/^shop 77, set 6: .*Relay is 2, not 1/u)])
  })

  it('what was anchored, and what was signed last by the note beside the key', async () => {
    const [{ seq, signed }] = written.signed as unknown as [{ seq: number; signed: [Uint8Array, Uint8Array] }]
    await written.save(directory)
    const note = await openGuard(join(directory, 'relay.key.signed'))
    const { ChainID, Registry, Relay, ShopID } = decodeCheckpoint(signed[0])
    const identity = { ChainID, Registry, Relay, ShopID }
    await note.raise([{ identity, seq: 3n, timestamp: 1_700_000_003n, digest: checkpointDigest(signed[0]) }])
    expect((await audit()).code).toBe(0)
    const later = { identity, timestamp: 1_700_000_009n }
    await note.raise([{ ...later, seq: 6n, digest: new Uint8Array(32) }])
    expect((await audit()).lines[0]).toMatch(
      /^shop 77, set 6: what was signed of it, as is noted beside the key: found/u,
    )
    await note.raise([{ ...later, seq: 99n, digest: new Uint8Array(32) }])
    expect((await audit()).lines[0]).toMatch(/^shop 77, set 99: .*: found a log of \d sets, not of at least 99$/u)
    await note.close()
    await rm(join(directory, 'relay.key.signed'))

    const store = await openStore(directory)
    const entry = { seq, checkpoint: signed, status: 'final', atMs: 1 } as const
    await new AnchorHistory(store).add(77n, entry)
    await store.close()
    expect((await audit()).lines[0]).toMatch(/; 1 anchors$/u)
    const other = await openStore(directory)
    await new AnchorHistory(other).add(77n, { ...entry, checkpoint: [flipped(signed[0], -1), signed[1]] })
    await other.close()
    const { code, lines } = await audit()
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(/^shop 77, set 3: the digest that was anchored for its/u),
    ])
  })

  it('the role, and the account', async () => {
    const seq = seqOf('guest')
    const { code, lines } = await auditOf((data) => changed(data, seq, () => ({ role: 'clerk' })))
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^shop 77, set ${seq}: its role is not`, 'u')),
    ])
  })
})

describe('sets that are signed and do not follow: 1', () => {
  it('by a card that was removed', async () => {
    const { signer, account } = written.last('owner')
    const { code, lines } = await auditOf((data) => {
      const clerk = newSecret()
      const card = publicKeyOf(clerk)
      const by = { secret: clerk, author: { role: 'owner', card, account } } as const
      const keyCards = ['Accounts', account, 'KeyCards'] as const
      data.write(AS_RELAY, { op: 'append', path: [...keyCards], value: card })
      data.write(by, listing(8n))
      data.write(AS_RELAY, { op: 'remove', path: [...keyCards, 1n], value: null })
      data.write(by, listing(9n))
    })
    expect(signer).toHaveLength(33)
    const seq = written.records.length + 4
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`^shop 77, set ${seq}: its signer, card 0x\\w{66}, is in that account no longer`, 'u'),
      ),
    ])
  })

  it('by a card that was never there, as a guest', async () => {
    const secret = newSecret()
    const { code, lines } = await auditOf((data) => {
      const author = { role: 'guest', card: publicKeyOf(secret), account: GUESTS_ACCOUNT } as const
      data.write({ secret, author }, order(500n, 1n, 1n))
    })
    expect([code, lines[0]]).toEqual([1, expect.stringMatching(/is in that account no longer or not yet/u)])
  })

  it('that the rules refuse', async () => {
    const { account } = written.last('owner')
    const { code, lines } = await auditOf((data) => {
      const secret = newSecret()
      const card = publicKeyOf(secret)
      data.write(AS_RELAY, { op: 'append', path: ['Accounts', account, 'KeyCards'], value: card })
      const author = { role: 'owner', card, account } as const
      const unlinked = { op: 'remove', path: ['Accounts', GUESTS_ACCOUNT, 'KeyCards', 0n], value: null } as const
      data.write({ secret, author }, unlinked)
      changed(data, data.records.length, () => ({ role: 'clerk' }))
    })
    const text = `set ${written.records.length + 2}: the log holds a set that is refused: .* a clerk may unlink`
    expect([code, lines[0]]).toEqual([1, expect.stringMatching(new RegExp(`^shop 77, ${text}`, 'u'))])
  })
})

describe('going on', () => {
  const state = () => join(directory, 'resume')

  it('from what was audited, which is hashed again', async () => {
    const data = copy()
    await data.save(directory)
    expect((await audit('--resume', state())).code).toBe(0)
    expect(await readdir(state())).toEqual(['77.audit'])
    expect((await stat(state())).mode & 0o777).toBe(0o700)
    expect((await stat(join(state(), '77.audit'))).mode & 0o777).toBe(0o600)
    data.write(AS_RELAY, listing(8n))
    await data.save(directory)
    const { code, lines } = await audit('--resume', state())
    expect([code, lines[0]]).toEqual([0, expect.stringContaining(`sets 1 to ${data.records.length} follows`)])
  })

  it('notices what was changed of it since', async () => {
    await written.save(directory)
    await audit('--resume', state())
    const other = join(directory, 'other')
    const data = copy()
    changed(data, 2, ({ stateHash }) => ({ stateHash: flipped(stateHash) }))
    await data.save(other)
    const { code, out } = await cairn('audit', other, '--resume', state(), '--threads', '0')
    expect([code, out]).toEqual([1, expect.stringMatching(/the digest of the log up to it, since it was audited/u)])
  })

  it('notices a checkpoint that was changed, and a log that is shorter', async () => {
    await written.save(directory)
    await audit('--resume', state())
    const resumed = await readFile(join(state(), '77.audit'))
    const [signed, shorter] = [copy(), copy()]
    signed.checkpoints[0]!.fields = { ...signed.checkpoints[0]!.fields, StateHash: new Uint8Array(32) }
    shorter.records.pop()
    shorter.added.pop()
    shorter.checkpoints.length = 1
    for (const [data, text] of [
      [signed, /the digest of the checkpoints up to it/u],
      [shorter, /the log ends before what was audited of it: found \d+ sets, not at least \d+/u],
    ] as const) {
      const other = join(directory, `other ${data.records.length}`)
      await data.save(other)
      await writeFile(join(state(), '77.audit'), resumed)
      const { code, out } = await cairn('audit', other, '--resume', state(), '--threads', '0')
      expect([code, out]).toEqual([1, expect.stringMatching(text)])
    }
  })

  it('refuses a file that was changed: 2', async () => {
    await written.save(directory)
    await audit('--resume', state())
    const file = join(state(), '77.audit')
    const bytes = new Uint8Array(await readFile(file))
    for (const at of [0, 40, bytes.length - 60, bytes.length - 1]) {
      await writeFile(file, flipped(bytes, at))
      const { code, err } = await audit('--resume', state())
      expect([at, code, err]).toEqual([at, 2, expect.stringContaining('holds nothing that an audit of shop 77 can go')])
    }
    await writeFile(file, bytes.subarray(0, -1))
    expect((await audit('--resume', state())).code).toBe(2)
  })

  it('begins with set 1 where the file is of the version before', async () => {
    await written.save(directory)
    const { lines } = await audit('--resume', state())
    const file = join(state(), '77.audit')
    const bytes = await readFile(file)
    bytes.write('1', 'cairn audit '.length)
    await writeFile(file, bytes)
    expect(await audit('--resume', state())).toMatchObject({ code: 0, lines })
  })

  it('--follow tells a difference that comes, and one of what was audited', async () => {
    const data = copy()
    await data.save(directory)
    const program = cairnProcess(['audit', directory, '--follow'])
    await program.says(/differences 0/u)
    data.write(AS_RELAY, listing(8n))
    data.added[data.added.length - 1] = flipped(data.added.at(-1)!)
    await data.save(directory)
    await program.says(new RegExp(`^shop 77, set ${data.records.length}: its state root: found`, 'mu'))
    expect(await program.exit).toBe(1)
  })

  it('--follow tells within a minute of what was changed behind it', async () => {
    await written.save(directory)
    const data = copy()
    changed(data, 2, ({ stateHash }) => ({ stateHash: flipped(stateHash) }))
    const other = join(directory, 'other')
    await data.save(other)
    const program = cairnProcess(['audit', directory, '--follow'])
    await program.says(/differences 0/u)
    await rename(join(other, 'cairn.mdb'), join(directory, 'cairn.mdb'))
    const late = setTimeout(() => void program.end('SIGKILL'), 45_000)
    expect(await program.exit).toBe(1)
    clearTimeout(late)
    expect(program.out).toMatch(/^shop 77, set \d+: the digest of the log up to it, since it was audited: found/mu)
  })

  it('--follow is stopped by Ctrl-C: 0', async () => {
    await written.save(directory)
    const program = cairnProcess(['audit', directory, '--follow'])
    await program.says(/differences 0/u)
    expect(await program.end('SIGINT')).toBe(0)
  })
})
