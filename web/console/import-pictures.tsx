/** Pictures of a product file that are files themselves: chosen beside it, uploaded, named by their new addresses. */

import { picturesOf, withPictures } from 'cairn-relay/catalogue'
import { uploadBlob, type ShopClient } from 'cairn-relay/client'
import { dryRunOf, type DryRun } from './import-file.js'
import { useOutcomes } from './outcomes.js'
import { pictureBytes, picturesByFile } from './picture-files.js'
import { contentsOf } from './shop-contents.js'
import { FileButton, useSession } from './shared.js'

interface ImportPicturesProps {
  readonly dry: DryRun
  readonly change: (dry: DryRun) => void
}

export function ImportPictures({ dry, change }: ImportPicturesProps) {
  const { client, lookOnly } = useSession()
  const { run } = useOutcomes()
  const files = [...picturesByFile(picturesOf(dry.read).keys()).keys()]
  if (files.length === 0) return null
  const take = (chosen: readonly File[]) =>
    run(`Upload ${chosen.length === 1 ? chosen[0]!.name : `${chosen.length} pictures`}`, async () => {
      const [next, count] = await withUploaded(client, dry, chosen)
      change(next)
      return `${count} of ${files.length} are on the relay. Nothing of the shop is written yet.`
    })
  const first = files.slice(0, NAMED_MAX).join(', ')
  return (
    <p className="row">
      <span>
        {files.length === 1 ? 'One picture is a file' : `${files.length} pictures are files`}: {first}
        {files.length > NAMED_MAX ? ' …' : ''}
      </span>
      <FileButton
        label="Choose and upload pictures"
        accept="image/png,image/jpeg,image/webp,image/avif,image/gif"
        multiple
        disabled={lookOnly}
        take={(chosen) => void take(chosen)}
      />
    </p>
  )
}

const NAMED_MAX = 3

/** The same file with the addresses of what was uploaded, and how many of its pictures that was. */
async function withUploaded(
  client: ShopClient,
  dry: DryRun,
  chosen: readonly File[],
): Promise<readonly [dry: DryRun, count: number]> {
  const named = picturesByFile(picturesOf(dry.read).keys())
  const wanted = chosen.filter(({ name }) => named.has(name))
  if (wanted.length === 0) throw new Error('The product file names none of these files.')
  // Looked at first: of files one of which is no picture, none is uploaded.
  const pictures = await Promise.all(wanted.map(async (file) => ({ file, bytes: await pictureBytes(file) })))
  const places = new Map<string, { readonly address: string }>()
  for (const { file, bytes } of pictures) {
    const address = await uploadBlob(await client.uploadUrl(), bytes)
    for (const picture of named.get(file.name)!) places.set(picture, { address })
  }
  const read = withPictures(dry.read, places)
  return [dryRunOf({ ...dry, read }, await contentsOf(client)), wanted.length]
}
