import { describe, expect, test } from 'vitest'
import { printConfig, readSettings, SettingsError, settingsHelp, type Settings } from '../../src/settings/settings.js'

const NO_FILES = (path: string): string => {
  throw new Error(`ENOENT: no such file ${path}`)
}

const oneFile = (name: string, text: string) => (path: string) => (path === name ? text : NO_FILES(path))

interface Given {
  flags?: readonly string[]
  env?: Record<string, string | undefined>
  file?: string
}

function read({ flags = [], env = {}, file }: Given = {}): Settings {
  if (file === undefined) return readSettings({ flags, env, readFile: NO_FILES })
  return readSettings({ flags: ['--config', 'cairn.json', ...flags], env, readFile: () => file })
}

function refusal(given: Given): string {
  try {
    read(given)
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError)
    const { message } = error as Error
    expect(message).not.toMatch(/[\n\r]/)
    return message
  }
  throw new Error('it was accepted')
}

test('the defaults', () => {
  expect(read()).toEqual({
    host: '127.0.0.1',
    port: 4444,
    publicUrl: undefined,
    trustedProxy: undefined,
    allowedOrigins: 'any',
    metricsHost: '127.0.0.1',
    metricsPort: 9464,
    data: './cairn-data',
    relayKeyFile: undefined,
    relayGuardFile: undefined,
    noteKeyFile: undefined,
    witnesses: undefined,
    witnessIntervalSeconds: 10,
    diskReserveMib: 64,
    nodeCacheNodes: 200_000,
    signatureThreads: 1,
    chain: 'none',
    priceSource: 'none',
    priceFactor: 1n,
    priceDivisor: 1n,
    priceUrl: undefined,
    priceMaxAgeSeconds: 600,
    demo: true,
    discovery: true,
    anchor: 'off',
    anchorEverySeconds: 3_600,
    allowRemoteDevelopment: false,
    reservationSeconds: 86_400,
    latePaymentCheckSeconds: 60,
    pingIntervalMs: 15_000,
    kickTimeoutMs: 45_000,
    pushDelayMs: 100,
    pushPacing: 'pages',
    idleSessionSeconds: 300,
    sessionsMax: 10_000,
    sessionsPerAddressMax: 512,
    enrolmentsPerSecond: 20,
    enrolmentsBurst: 200,
    upgradesPerSecond: 50,
    upgradesBurst: 300,
    guestLiveOrdersMax: 100,
    guestOrdersPerDayMax: 1_000,
    guestBytesPerSecond: 8_192,
    guestBytesBurst: 262_144,
    transport: 'auto',
    logFormat: 'auto',
  })
})

describe('file < environment < flags', () => {
  const file = '{"pushDelayMs": 1, "port": 1000, "demo": false}'
  const env = { CAIRN_PUSH_DELAY_MS: '2', CAIRN_PORT: '2000' }

  test('each counts where no later one speaks', () => {
    const settings = read({ file, env, flags: ['--push-delay-ms', '3'] })
    expect(settings).toMatchObject({ pushDelayMs: 3, port: 2000, demo: false })
  })

  test('the file alone, named by the environment', () => {
    const readFile = oneFile('/etc/cairn.json', file)
    const settings = readSettings({ flags: [], env: { CAIRN_CONFIG: '/etc/cairn.json' }, readFile })
    expect(settings).toMatchObject({ pushDelayMs: 1, port: 1000, demo: false })
  })

  test('--config goes before CAIRN_CONFIG', () => {
    const readFile = oneFile('mine.json', '{"port": 7}')
    expect(readSettings({ flags: ['--config=mine.json'], env: { CAIRN_CONFIG: 'theirs.json' }, readFile }).port).toBe(7)
  })

  test('the last of two equal flags counts', () => {
    expect(read({ flags: ['--port=1', '--port', '2'] }).port).toBe(2)
  })
})

describe('how values are written', () => {
  test.each([
    [['--push-delay-ms', '20'], { pushDelayMs: 20 }],
    [['--push-delay-ms=20'], { pushDelayMs: 20 }],
    [['--discovery'], { discovery: true }],
    [['--no-discovery'], { discovery: false }],
    [['--empty'], { demo: false }],
    [['--no-demo'], { demo: false }],
    [['--empty', '--demo'], { demo: true }],
    [['--enrolments-per-second', '0.5'], { enrolmentsPerSecond: 0.5 }],
    [['--metrics-port', '0'], { metricsPort: 0 }],
    [['--transport', 'ws'], { transport: 'ws' }],
    [['--data', '/srv/a=b'], { data: '/srv/a=b' }],
    [['--public-url', 'https://shop.example/relay/'], { publicUrl: 'https://shop.example/relay' }],
    [['--witnesses', 'https://w.example  w+1+A, http://x y'], { witnesses: 'https://w.example w+1+A,http://x y' }],
    [['--witnesses', 'https://w a', '--witnesses=https://x b'], { witnesses: 'https://w a,https://x b' }],
    [['--trusted-proxy', '127.0.0.1, 10.0.0.0/8'], { trustedProxy: '127.0.0.1,10.0.0.0/8' }],
    [['--trusted-proxy', '::1', '--trusted-proxy=10.0.0.0/8'], { trustedProxy: '::1,10.0.0.0/8' }],
    [
      ['--allowed-origins', 'HTTPS://Shop.example:443/, http://[::1]:80'],
      { allowedOrigins: 'https://shop.example,http://[::1]' },
    ],
    [['--allowed-origins', 'http://a', '--allowed-origins=http://b:1'], { allowedOrigins: 'http://a,http://b:1' }],
    [['--allowed-origins', 'http://a', '--allowed-origins=any'], { allowedOrigins: 'any' }],
    [['--ping-interval-ms', '2000'], { pingIntervalMs: 2_000, kickTimeoutMs: 6_000 }],
    [['--ping-interval-ms', '2000', '--kick-timeout-ms', '10000'], { pingIntervalMs: 2_000, kickTimeoutMs: 10_000 }],
    [['--help', '--print-config', '--verbose'], { port: 4444 }],
  ])('%j', (flags, settings) => {
    expect(read({ flags })).toMatchObject(settings)
  })

  test.each([
    [{ CAIRN_DEMO: 'false' }, { demo: false }],
    [{ CAIRN_DEMO: '0' }, { demo: false }],
    [{ CAIRN_DISCOVERY: 'off' }, { discovery: false }],
    [{ CAIRN_RELAY_KEY_FILE: '/run/secrets/relay' }, { relayKeyFile: '/run/secrets/relay' }],
    [{ CAIRN_PORT: '' }, { port: 4444 }],
    [{ CAIRN_NATIVE: 'off', PATH: '/bin', CAIRNS: 'x' }, { port: 4444 }],
  ])('%j', (env, settings) => {
    expect(read({ env })).toMatchObject(settings)
  })

  test('null in the file leaves a setting out', () => {
    expect(read({ file: '{"port": null, "publicUrl": null}' })).toEqual(read())
  })
})

describe('unknown settings', () => {
  test.each<[Given, RegExp]>([
    [{ flags: ['--prot', '1'] }, /^--prot: there is no such setting\. Did you mean --port\?.*cairn serve --help$/],
    [{ flags: ['--pushDelayMs', '1'] }, /Did you mean --push-delay-ms\?/],
    [{ flags: ['--push_delay_ms=1'] }, /Did you mean --push-delay-ms\?/],
    [{ flags: ['--no-port'] }, /^--no-port: there is no such setting/],
    [{ flags: ['4444'] }, /^4444: there is no such setting/],
    [{ flags: ['--something-else-entirely'] }, /there is no such setting\. All of them/],
    [{ env: { CAIRN_PUSH_DELAY: '1' } }, /^CAIRN_PUSH_DELAY: .*Did you mean CAIRN_PUSH_DELAY_MS\?/],
    [{ env: { CAIRN_NATVE: 'off' } }, /Did you mean CAIRN_NATIVE\?/],
    [{ env: { CAIRN_WHATEVER_ELSE: '' } }, /^CAIRN_WHATEVER_ELSE: there is no such setting/],
    [{ file: '{"metricPort": 1}' }, /^metricPort: there is no such setting in cairn.json\. Did you mean metricsPort\?/],
    [{ file: '{"push-delay-ms": 1}' }, /Did you mean pushDelayMs\?/],
    [{ file: '{"__proto__": {"port": 1}}' }, /^__proto__: there is no such setting/],
    [{ file: '{"toString": 1}' }, /^toString: there is no such setting/],
  ])('%j', (given, message) => {
    expect(refusal(given)).toMatch(message)
  })
})

describe('malformed values, and their neighbours', () => {
  test.each<[flag: string, good: readonly string[], bad: readonly string[]]>([
    ['--port', ['0', '65535'], ['65536', '-1', '1.5', '0x10', '1e3', ' 1', '', 'http']],
    ['--metrics-port', ['0', '1'], ['65536']],
    ['--ping-interval-ms', ['10', '86400000'], ['9', '86400001']],
    ['--push-delay-ms', ['0', '60000'], ['60001', 'Infinity']],
    ['--sessions-max', ['1'], ['0']],
    ['--reservation-seconds', ['1', '31536000'], ['0', '31536001']],
    ['--upgrades-per-second', ['0.1', '1000000'], ['0', '1000001', '.5']],
    ['--transport', ['auto', 'uws', 'ws'], ['UWS', 'both']],
    ['--log-format', ['json'], ['yaml']],
    ['--host', ['localhost', '127.1.2.3', '::1'], ['', '[::1]', '127.0.0.1:80', 'http://x', '127.1', 'a b']],
    [
      '--trusted-proxy',
      ['192.0.2.1', '10.0.0.0/8', '0.0.0.0/0', '::/0', '2001:db8::/32, 192.0.2.1/32', '2001:db8::1/128'],
      [
        '',
        ',',
        'proxy',
        '10.0.0.0/33',
        '::/129',
        '10.0.0.0/',
        '10.0.0/8',
        '10.0.0.0/8;::1',
        'fe80::1%eth0',
        '::ffff:10.0.0.0/104',
      ],
    ],
    [
      '--allowed-origins',
      ['any', 'https://shop.example', 'http://localhost:5173,https://a'],
      [
        '',
        ',',
        '*',
        'null',
        'shop.example',
        'any,https://a',
        'https://a,',
        'ftp://a',
        'https://*.a',
        'https://a/b',
        'https://a/?',
        'https://u@a',
        'https://a b',
        'https://a:70000',
      ],
    ],
    ['--data', ['x'], ['', ' ', 'a\0b']],
    ['--chain', ['none', 'dev', 'dev:1', 'dev:65535'], ['', 'dev:', 'dev:0', 'dev:65536', 'dev:123456']],
    [
      '--public-url',
      ['http://a', 'https://a:1/b'],
      ['a', 'ftp://a', 'https://a/?b', 'https://a/#b', 'https://a/?', 'https://u:p@a'],
    ],
  ])('%s', (flag, good, bad) => {
    for (const value of good) expect(() => read({ flags: [`${flag}=${value}`] })).not.toThrow()
    for (const value of bad)
      expect(refusal({ flags: [`${flag}=${value}`] })).toMatch(new RegExp(`^${flag}: it has to be .*default`))
  })

  test.each<[Given, RegExp]>([
    [{ flags: ['--port'] }, /^--port: its value is missing/],
    [{ flags: ['--port', '--empty'] }, /^--port: its value is missing/],
    [{ flags: ['--config'] }, /^--config: its value is missing/],
    [{ flags: ['--discovery=false'] }, /^--discovery: it takes no value\. Write --discovery or --no-discovery\.$/],
    [{ flags: ['--empty=no'] }, /^--empty: it takes no value\. Write --empty or --demo\.$/],
    [{ env: { CAIRN_DEMO: 'nope' } }, /^CAIRN_DEMO: it has to be true or false/],
    [{ env: { CAIRN_DEMO: 'constructor' } }, /^CAIRN_DEMO: it has to be true or false/],
    [{ file: '{"port": "4444"}' }, /^port in cairn.json: it has to be a whole number/],
    [{ file: '{"demo": 0}' }, /^demo in cairn.json: it has to be true or false/],
    [{ file: '{"data": ["x"]}' }, /^data in cairn.json: it has to be a path/],
    [{ file: '[]' }, /^cairn.json: the settings file is JSON, but no object/],
    [{ file: '{\n"port": 1,\n}' }, /^cairn.json: the settings file cannot be read/],
    [{ flags: ['--config', 'absent.json'] }, /^absent.json: .*ENOENT/],
  ])('%j', (given, message) => {
    expect(refusal(given)).toMatch(message)
  })

  test('a refused value is not repeated', () => {
    expect(refusal({ flags: ['--public-url', 'https://user:hunter2@shop.example'] })).not.toContain('hunter2')
  })
})

describe('settings that do not go together', () => {
  test.each(['0.0.0.0', '::', '192.168.1.5', 'shop.example', '1.127.0.0'])(
    'in development mode %s is refused',
    (host) => {
      expect(refusal({ flags: ['--host', host] })).toMatch(/is not loopback.*--allow-remote-development/)
      expect(read({ flags: ['--host', host, '--allow-remote-development'] }).host).toBe(host)
    },
  )

  test('so is a listener for metrics, unless it is off', () => {
    expect(refusal({ env: { CAIRN_METRICS_HOST: '0.0.0.0' } })).toMatch(/^metricsHost: 0\.0\.0\.0 is not loopback/)
    expect(read({ env: { CAIRN_METRICS_HOST: '0.0.0.0', CAIRN_METRICS_PORT: '0' } }).metricsPort).toBe(0)
  })

  test('one port for two listeners', () => {
    expect(refusal({ flags: ['--port', '9464'] })).toMatch(/^metricsPort: it is 9464, the public port too/)
    expect(read({ flags: ['--port', '0', '--metrics-port', '0'] })).toMatchObject({ port: 0, metricsPort: 0 })
  })

  test('a kick before the ping', () => {
    const flags = ['--ping-interval-ms', '1000', '--kick-timeout-ms']
    expect(refusal({ flags: [...flags, '1000'] })).toMatch(/^kickTimeoutMs: it is 1000, not above pingIntervalMs/)
    expect(read({ flags: [...flags, '1001'] }).kickTimeoutMs).toBe(1_001)
  })
})

describe('what is shown', () => {
  test('printConfig can be used as a file', () => {
    const settings = read({ flags: ['--push-delay-ms', '7', '--empty', '--public-url', 'https://a.example'] })
    const printed = printConfig(settings)
    expect(JSON.parse(printed)).toMatchObject({ pushDelayMs: 7, demo: false, relayKeyFile: null })
    expect(read({ file: printed })).toEqual(settings)
  })

  test('the help names every setting, and its lines fit', () => {
    const help = settingsHelp()
    for (const name of Object.keys(read())) {
      const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      expect(help).toMatch(new RegExp(`^  --(\\[no-\\])?${flag} `, 'm'))
    }
    expect(help).toContain('[3 × ping-interval-ms]')
    expect(help).toContain('--empty')
    for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(120)
  })
})
