// npm run bench: the table of bounds, or with a word before its flags another bench. See --help of each.

const OTHERS = {
  core: './core.mjs',
  decoders: './decoders.mjs',
  'fan-out': './fan-out.mjs',
  flood: './flood.mjs',
  import: './import.mjs',
  million: './million.mjs',
  newcomer: './newcomer.mjs',
  start: './start.mjs',
}
const [word, ...rest] = process.argv.slice(2)
const file = OTHERS[word]
const { run } = await import(file ?? './table.mjs')
await run(file === undefined ? process.argv.slice(2) : rest)
