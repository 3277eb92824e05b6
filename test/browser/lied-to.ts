/** The storefront at `/` before a relay that lies, which has the relay's own key. */

import { LIES } from '../lies/lies.js'
import { STONE, World } from '../lies/stage.js'
import { requireThat, type Ground } from './ground.js'

const LIE = 'changes a value that no set changes'

export async function liedTo(ground: Ground): Promise<string> {
  const world = await World.start()
  const stage = await world.stage()
  try {
    const context = await ground.open({ viewport: { width: 390, height: 844 } })
    const page = await context.newPage()
    await page.goto(`${stage.proxy.url}/?listing=${STONE}`)
    await page
      .getByRole('button', { name: /Proven as of checkpoint/u })
      .first()
      .waitFor()
    stage.proxy.lie(LIES.find(({ name }) => name === LIE)!.tell!(stage))
    for (const value of [222n, 333n])
      await stage.write('owner', [{ op: 'replace', path: ['Listings', STONE, 'Price'], value }])
    const alarm = page.getByRole('alert').filter({ hasText: 'Do not buy here' })
    await alarm.waitFor()
    await alarm.getByText('What exactly').click()
    const said = await alarm.innerText()
    requireThat(/[0-9a-f]{64}/u.test(said), `no fingerprint is named: ${said}`)
    const colour = await alarm.evaluate((element) => getComputedStyle(element).backgroundColor)
    requireThat(isRed(colour), `the alarm is ${colour}`)
    requireThat(await page.getByRole('button', { name: 'Put into the cart' }).isDisabled(), 'it sells all the same')
    await ground.look(page, '/, the alarm')
    return said.replaceAll(/\s+/gu, ' ').slice(0, 160)
  } finally {
    await stage.close()
    await world.stop()
  }
}

/** More red than anything else. */
function isRed(colour: string): boolean {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/gu) ?? []).map(Number)
  return red > green && red > blue
}
