/** Pictures, documents and sounds for stories, and eyes and ears to look at what arrived. */
import { deflateSync } from 'node:zlib';
import { expect, type Locator, type Page } from '@playwright/test';

const table = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

const crc = (bytes: Buffer) => {
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 0xff]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
};

function chunk(kind: string, bytes: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), bytes]);
  const framed = Buffer.alloc(8 + body.length);
  framed.writeUInt32BE(bytes.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc(body), 4 + body.length);
  return framed;
}

/** A PNG: left half of one colour, right half of the other; `noise` makes it large. */
export function png(width: number, height: number, left: number[], right: number[], noise = false): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (1 + 3 * width));
  let random = 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * (1 + 3 * width) + 1 + 3 * x;
      const colour = x < width / 2 ? left : right;
      for (let part = 0; part < 3; part++) {
        random = (random * 1103515245 + 12345) >>> 0;
        rows[at + part] = noise ? (colour[part]! & 0xc0) | ((random >>> 16) & 0x3f) : colour[part]!;
      }
    }
  }
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = deflateSync(rows, { level: noise ? 0 : 6 });
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

/** A document of at least so many bytes. */
export const pdf = (size = 0): Buffer => Buffer.from(`%PDF-1.7\n% ${'办'.repeat(size / 3)}\n%%EOF\n`);

/** What an office program writes: a package with a document inside. */
export function docx(): Buffer {
  const entries = ['[Content_Types].xml', '_rels/.rels', 'word/document.xml'].map((name) => ({
    name: Buffer.from(name),
    content: Buffer.from('<?xml version="1.0"?><x/>'),
  }));
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of entries) {
    // From "version needed" to "extra length": the same in both records.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name, content]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\0', 'latin1'), common, place, name);
    parts.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(listed.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, listed, Buffer.from('PK\x05\x06', 'latin1'), end]);
}

/** Red, green and blue of an image on the screen, at parts of its width and height. */
export async function colourAt(image: Locator, x: number, y: number): Promise<number[]> {
  await expect.poll(() => image.evaluate((element: HTMLImageElement) => element.naturalWidth)).toBeGreaterThan(0);
  return image.evaluate(
    (element: HTMLImageElement, at) => {
      const canvas = document.createElement('canvas');
      canvas.width = element.naturalWidth;
      canvas.height = element.naturalHeight;
      const context = canvas.getContext('2d')!;
      context.drawImage(element, 0, 0);
      const { data } = context.getImageData(Math.floor(at.x * canvas.width), Math.floor(at.y * canvas.height), 1, 1);
      return [...data.slice(0, 3)];
    },
    { x, y },
  );
}

/** What is heard in a sound: its length, how loud it is, and which pitch is strongest where it is loudest. */
export async function listen(page: Page, url: string): Promise<{ seconds: number; peak: number; hertz: number }> {
  return page.evaluate(async (address) => {
    const bytes = await (await fetch(address)).arrayBuffer();
    const context = new OfflineAudioContext(1, 1, 16_000);
    const sound = await context.decodeAudioData(bytes);
    const samples = sound.getChannelData(0);
    let loudest = 0;
    for (let at = 0; at < samples.length; at++) {
      if (Math.abs(samples[at]!) > Math.abs(samples[loudest]!)) loudest = at;
    }
    // Goertzel's filter over a window around the loudest moment.
    const length = 512;
    const begin = Math.max(0, Math.min(samples.length - length, loudest - length / 2));
    let best = { hertz: 0, power: 0 };
    for (let hertz = 60; hertz <= 4_000; hertz += 10) {
      const factor = 2 * Math.cos((2 * Math.PI * hertz) / sound.sampleRate);
      let one = 0;
      let two = 0;
      for (let at = begin; at < begin + length; at++) [one, two] = [(samples[at] ?? 0) + factor * one - two, one];
      const power = one * one + two * two - factor * one * two;
      if (power > best.power) best = { hertz, power };
    }
    return { seconds: sound.duration, peak: Math.abs(samples[loudest] ?? 0), hertz: best.hertz };
  }, url);
}

/** Pastes a file, as after a screenshot. */
export async function paste(target: Locator, name: string, type: string, bytes: Buffer): Promise<void> {
  await target.evaluate(
    (element, file) => {
      const data = new DataTransfer();
      const content = Uint8Array.from(atob(file.base64), (c) => c.charCodeAt(0));
      data.items.add(new File([content], file.name, { type: file.type }));
      element.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    },
    { name, type, base64: bytes.toString('base64') },
  );
}

/** Drags a file over an element; `drop` lets it go. */
export async function drag(target: Locator, drop: boolean, name: string, type: string, bytes: Buffer): Promise<void> {
  await target.evaluate(
    (element, file) => {
      const data = new DataTransfer();
      const content = Uint8Array.from(atob(file.base64), (c) => c.charCodeAt(0));
      data.items.add(new File([content], file.name, { type: file.type }));
      const event = (kind: string) => new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
      element.dispatchEvent(event('dragover'));
      if (file.drop) element.dispatchEvent(event('drop'));
    },
    { name, type, drop, base64: bytes.toString('base64') },
  );
}
