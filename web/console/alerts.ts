/** What tells of a new order who does not look: a tone, and a notification of the system. Both are off until wanted. */

export type Alert = 'sound' | 'notifications'

const NOTES: readonly (readonly [hertz: number, from: number])[] = [
  [880, 0],
  [1_174.7, 0.12],
]
const NOTE_SECONDS = 0.3

let audio: AudioContext | undefined

export function isWanted(alert: Alert): boolean {
  const kept = read(alert)
  return kept && (alert === 'sound' || permission() === 'granted')
}

/** Remembered in this browser. Rejects with a sentence where the person or the browser says no. */
export async function want(alert: Alert, isOn: boolean): Promise<void> {
  if (isOn && alert === 'notifications') await askPermission()
  keep(alert, isOn)
  if (isOn && alert === 'sound') ring()
}

/** Browsers play nothing before somebody touched the page: the first touch makes the sound ready. */
export function readyOnTouch(): () => void {
  const ready = () => {
    if (isWanted('sound')) void (audio ??= new AudioContext()).resume()
  }
  for (const kind of TOUCHES) window.addEventListener(kind, ready, { once: true })
  return () => {
    for (const kind of TOUCHES) window.removeEventListener(kind, ready)
  }
}

const TOUCHES = ['pointerdown', 'keydown'] as const

export function ring(): void {
  audio ??= new AudioContext()
  for (const [hertz, from] of NOTES) {
    const [tone, volume] = [audio.createOscillator(), audio.createGain()]
    const at = audio.currentTime + from
    tone.frequency.value = hertz
    volume.gain.setValueAtTime(0.15, at)
    volume.gain.exponentialRampToValueAtTime(0.001, at + NOTE_SECONDS)
    tone.connect(volume).connect(audio.destination)
    tone.start(at)
    tone.stop(at + NOTE_SECONDS)
  }
}

/** Shown by the system, also while another window is in front; a click brings the console to the front. */
export function notify(title: string, body: string, open: () => void): void {
  const shown = notification(title, body)
  shown?.addEventListener('click', () => {
    window.focus()
    open()
    shown.close()
  })
}

/** Undefined where the browser allows them and shows none of a page's own, as Chrome on Android. */
function notification(title: string, body: string): Notification | undefined {
  try {
    return new Notification(title, { body, tag: title })
  } catch {
    return undefined
  }
}

function permission(): NotificationPermission {
  return typeof Notification === 'undefined' ? 'denied' : Notification.permission
}

async function askPermission(): Promise<void> {
  if (typeof Notification === 'undefined') throw new Error('This browser has no notifications.')
  if (permission() === 'default') await Notification.requestPermission()
  if (permission() === 'granted') return
  throw new Error('The browser does not let this page notify: allow it in the settings of the site.')
}

const nameOf = (alert: Alert) => `cairn console ${alert}`

function read(alert: Alert): boolean {
  try {
    return localStorage.getItem(nameOf(alert)) === 'yes'
  } catch {
    return false
  }
}

function keep(alert: Alert, isOn: boolean): void {
  try {
    localStorage.setItem(nameOf(alert), isOn ? 'yes' : 'no')
  } catch {
    // It lasts as long as the page.
  }
}
