/** The pictures of a listing: uploaded to the relay, put in order, taken away. */

import { uploadBlob } from 'cairn-relay/client'
import { useOutcomes } from './outcomes.js'
import { pictureBytes } from './picture-files.js'
import { FileButton, useSession } from './shared.js'

type Change = (change: (images: readonly string[]) => readonly string[]) => void

export function PictureEditor({ images, change }: { readonly images: readonly string[]; readonly change: Change }) {
  const { client, lookOnly } = useSession()
  const { run } = useOutcomes()
  const upload = (files: readonly File[]) =>
    run(files.length === 1 ? `Upload ${files[0]!.name}` : `Upload ${files.length} pictures`, async () => {
      // Looked at first: of files one of which is none, none is uploaded.
      const pictures = await Promise.all(files.map(pictureBytes))
      for (const bytes of pictures) {
        const image = await uploadBlob(await client.uploadUrl(), bytes)
        change((known) => (known.includes(image) ? known : [...known, image]))
      }
      return 'On the relay. Save the listing to show it.'
    })
  return (
    <fieldset>
      <legend>Pictures</legend>
      {images.length > 0 ? null : <p className="note">None yet. PNG, JPEG, WebP, AVIF or GIF.</p>}
      <ul className="pictures">
        {images.map((image, i) => (
          <li key={image}>
            <img src={image} alt={`Picture ${i + 1}`} />
            <button type="button" onClick={() => change((known) => known.filter((other) => other !== image))}>
              Remove<span className="visually-hidden"> picture {i + 1}</span>
            </button>
            {i === 0 ? null : (
              <button
                type="button"
                onClick={() => change((known) => [image, ...known.filter((other) => other !== image)])}
              >
                First<span className="visually-hidden">: picture {i + 1}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      <FileButton
        label="Upload pictures"
        accept="image/png,image/jpeg,image/webp,image/avif,image/gif"
        multiple
        disabled={lookOnly}
        take={(files) => void upload(files)}
      />
    </fieldset>
  )
}
