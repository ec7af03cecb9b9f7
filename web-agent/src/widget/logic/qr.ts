/** A QR code as one SVG path: dark modules, one unit each, around them the quiet zone of four (ISO/IEC 18004). */
import { encode } from 'uqr';

export interface Picture {
  /** Units each way. */
  size: number;
  path: string;
}

export function qrPicture(text: string): Picture {
  const { data, size } = encode(text, { ecc: 'M', border: 4 });
  let path = '';
  data.forEach((row, y) => {
    // Neighbours of a row are one rectangle: no hairlines between them.
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      const begin = x;
      while (row[x + 1]) x += 1;
      path += `M${begin} ${y}h${x - begin + 1}v1h-${x - begin + 1}z`;
    }
  });
  return { size, path };
}
