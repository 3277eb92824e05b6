/**
 * What the demo shop sells: an outfitter at the foot of a mountain. Pictures: web/pictures.
 *
 * Tests: test/cli/demo-shop.test.ts
 */

import { readFile } from 'node:fs/promises'

export interface DemoProduct {
  readonly title: string
  readonly description: string
  readonly cents: number
  /**
   * What a guest chooses among, names of variations and their titles, which are shown in the order of the names, sizes
   * from small to large; `percent`: factors of the price.
   */
  readonly option?: {
    readonly title: string
    readonly values: Readonly<Record<string, string>>
    readonly percent?: Readonly<Record<string, bigint>>
  }
}

const sizes = { title: 'Size', values: { S: 'Small', M: 'Medium', L: 'Large' } }

export const PRODUCTS: readonly DemoProduct[] = [
  {
    title: 'Trail map',
    description: 'Waterproof, 1:25,000. Every path, hut and spring within two days’ walk, and the ones that are gone.',
    cents: 1_490,
  },
  {
    title: 'Enamel mug',
    description: 'White with a blue rim. Steel underneath, so it chips and does not break. Holds a generous 400 ml.',
    cents: 1_250,
  },
  {
    title: 'Wool socks',
    description: 'Merino, two pairs: one to walk in, one to look forward to.',
    cents: 1_990,
    option: sizes,
  },
  {
    title: 'Head torch',
    description: '400 lumen, charged by USB-C. A red light for the bunk room, so that nobody has to hate you.',
    cents: 3_900,
  },
  {
    title: 'Rope, 30 m',
    description: 'Half rope, 8.5 mm, dry treated. Long enough for the glacier, short enough for the rucksack.',
    cents: 8_900,
  },
  {
    title: 'Carabiner',
    description: 'Screw gate, 24 kN. Forged, anodised, and quiet when it hangs on your harness.',
    cents: 1_190,
    option: { title: 'Colour', values: { S: 'Slate', M: 'Moss', L: 'Larch' } },
  },
  {
    title: 'Thermos',
    description: 'Keeps tea hot for a day. The lid is a cup; the second cup is under the lid.',
    cents: 2_790,
  },
  {
    title: 'Rain shell',
    description: 'Three layers, 320 g, a hood that turns with your head. Yellow, because people should see you.',
    cents: 17_900,
  },
  {
    title: 'Tent peg set',
    description: 'Titanium, with a cord to pull them out. They weigh as much as one of the old ones.',
    cents: 2_400,
    option: {
      title: 'Pieces',
      values: { L: 'Six', M: 'Eight', S: 'Twelve' },
      percent: { L: 80n, S: 140n },
    },
  },
  {
    title: 'Sleeping mat',
    description: 'Folds to the size of a book. Sit on it at noon, sleep on it at night.',
    cents: 4_500,
  },
  {
    title: 'Camp stove',
    description: 'Burns twigs and nothing else. Boils a litre in eight minutes if the twigs are dry.',
    cents: 5_900,
  },
  {
    title: 'Spork',
    description: 'Turned from one piece of wood, oiled, a little different each time.',
    cents: 790,
    option: { title: 'Wood', values: { L: 'Beech', M: 'Cherry', S: 'Olive' }, percent: { S: 125n } },
  },
  {
    title: 'Dry bag',
    description: '20 litres, roll top. What is inside stays inside, also when it swims.',
    cents: 2_190,
  },
  {
    title: 'Compass',
    description: 'With mirror and clinometer. Brass, so it is warm in the hand before the needle settles.',
    cents: 4_290,
  },
  {
    title: 'Sun hat',
    description: 'Wide brim, linen band. Rolls up small and forgives you for it.',
    cents: 3_290,
    option: sizes,
  },
  {
    title: 'Walking poles',
    description: 'Cork grips, a pair, 3 × 45 cm. For knees that have been down here before.',
    cents: 7_900,
  },
  {
    title: 'Water filter',
    description: '2,000 litres from any stream. Rinse it, shake it, drink.',
    cents: 3_690,
  },
  {
    title: 'First-aid kit',
    description: 'Everything for two people and a blister each, in a case that floats.',
    cents: 2_990,
    option: {
      title: 'For',
      values: { L: 'One', M: 'Two', S: 'Four' },
      percent: { L: 80n, S: 150n },
    },
  },
  {
    title: 'Trail mix',
    description: 'Nuts, seeds and figs, 500 g. The raisins are somebody else’s.',
    cents: 890,
  },
  {
    title: 'Oat bars',
    description: 'A box of twelve, baked on Tuesdays. Honey, oats, a little salt.',
    cents: 1_680,
  },
  {
    title: 'Field notebook',
    description: 'Stone paper takes pencil in the rain. 120 pages, lies flat.',
    cents: 1_090,
    option: { title: 'Pages', values: { S: 'Plain', M: 'Dotted', L: 'Ruled' } },
  },
  {
    title: 'Pencil set',
    description: 'Six, natural cedar, soft leads. Sharpen them with your knife.',
    cents: 690,
  },
  {
    title: 'Bandana',
    description: 'Cotton, printed with the map of the hut. Neck, head, table, sling.',
    cents: 990,
  },
  {
    title: 'Gaiters',
    description: 'Knee high, for snow, scree and nettles.',
    cents: 3_590,
    option: sizes,
  },
  {
    title: 'Bivouac bag',
    description: 'Emergency orange, breathes. You hope not to need it, and sleep better for having it.',
    cents: 6_490,
  },
  {
    title: 'Ice axe',
    description: 'Straight shaft, 60 cm. Walks as a stick and holds as an anchor.',
    cents: 9_900,
  },
  {
    title: 'Crampons',
    description: 'Twelve points, for boots with a heel edge. Anti-balling plates included.',
    cents: 12_900,
    option: sizes,
  },
  {
    title: 'Avalanche probe',
    description: '240 cm, stands in four seconds. Practise before.',
    cents: 5_490,
  },
  {
    title: 'Snow goggles',
    description: 'Two lenses: one for the glare, one for the days without shadows.',
    cents: 8_490,
  },
  {
    title: 'Postcard',
    description: 'The cairn at sunrise. Stamp not included, greetings neither.',
    cents: 150,
    option: { title: 'Print', values: { S: 'Sunrise', M: 'Noon', L: 'Snow' } },
  },
]

/** Numbers of products, from 1. */
export const TAGS: Readonly<Record<string, readonly number[]>> = {
  Clothing: [3, 8, 15, 23, 24],
  Camp: [7, 9, 10, 11, 13, 17, 25],
  Kitchen: [2, 12],
  Mountain: [5, 6, 14, 16, 18],
  Winter: [26, 27, 28, 29],
  Food: [19, 20],
  Paper: [1, 21, 22, 30],
}

/** The product's picture, WebP; undefined where the build did not put it. */
export async function pictureOf({ title }: DemoProduct): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/gu, '-')
  try {
    return new Uint8Array(await readFile(new URL(`../../dist/pictures/${name}.webp`, import.meta.url)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
