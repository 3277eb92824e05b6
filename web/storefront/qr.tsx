/** A text as a QR code, drawn by the page itself: dark on white in every colour scheme, for cameras. */

import makeQrCode from 'qrcode-generator'
import { useMemo } from 'react'

/** Light modules around it (ISO/IEC 18004). */
const QUIET_ZONE = 4

interface QrProps {
  readonly text: string
  /** Who does not see it is told this. */
  readonly label: string
  /** Capitals, digits and some signs alone take less room. */
  readonly mode?: 'Alphanumeric' | 'Byte'
}

export function Qr({ text, label, mode = 'Byte' }: QrProps) {
  const { path, size } = useMemo(() => drawn(text, mode), [text, mode])
  return (
    <svg className="qr" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} shapeRendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#111" />
    </svg>
  )
}

function drawn(text: string, mode: 'Alphanumeric' | 'Byte'): { readonly path: string; readonly size: number } {
  const code = makeQrCode(0, 'M')
  code.addData(text, mode)
  code.make()
  const count = code.getModuleCount()
  const places = Array.from({ length: count * count }, (_, i) => [Math.floor(i / count), i % count] as const)
  const path = places
    .filter(([row, column]) => code.isDark(row, column))
    .map(([row, column]) => `M${column + QUIET_ZONE} ${row + QUIET_ZONE}h1v1h-1z`)
    .join('')
  return { path, size: count + 2 * QUIET_ZONE }
}
