/** Virtual windows in stories: devices that can be told apart, and eyes and ears at the other side. */
import { expect, type BrowserContext, type Locator, type Page } from '@playwright/test';
import config from '../../playwright.config';
import { Console } from './console';
import type { People } from './fixtures';
import { Widget } from './widget';

/**
 * What the browsers of these stories need: this tab is shown without a chooser (and without the fake chooser, whose
 * "screen" is a green picture), sounds need no press, packets go over the loopback.
 */
export const windowBrowser = {
  ...config.use?.launchOptions,
  args: [
    ...(config.use?.launchOptions?.args ?? []),
    '--auto-accept-this-tab-capture',
    '--autoplay-policy=no-user-gesture-required',
    '--allow-loopback-in-peer-connection',
  ],
};

export interface Person {
  /** Red, green and blue of what the camera sees. */
  colour: [number, number, number];
  /** What the microphone hears. */
  hertz: number;
}

/**
 * Gives a browser a camera that sees one colour with a light that blinks, and a microphone that hears one tone; and counts
 * how often they were asked for.
 */
export async function giveDevices(context: BrowserContext, { colour, hertz }: Person): Promise<void> {
  await context.grantPermissions(['camera', 'microphone']);
  await context.addInitScript(
    ({ rgb, pitch }) => {
      const counted = window as unknown as { asked: number };
      counted.asked = 0;
      if (!navigator.mediaDevices) return;
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        counted.asked += 1;
        const tracks: MediaStreamTrack[] = [];
        if (wanted?.audio) {
          const audio = new AudioContext();
          const tone = audio.createOscillator();
          tone.frequency.value = pitch;
          const out = audio.createMediaStreamDestination();
          tone.connect(out);
          tone.start();
          await audio.resume();
          tracks.push(...out.stream.getAudioTracks());
        }
        if (wanted?.video) {
          const canvas = document.createElement('canvas');
          canvas.width = 320;
          canvas.height = 240;
          const context = canvas.getContext('2d')!;
          let turn = 0;
          setInterval(() => {
            context.fillStyle = `rgb(${rgb.join(' ')})`;
            context.fillRect(0, 0, 320, 240);
            context.fillStyle = turn++ % 2 ? '#fff' : '#000';
            context.fillRect(0, 0, 20, 20);
          }, 50);
          tracks.push(...canvas.captureStream(20).getVideoTracks());
        }
        return new MediaStream(tracks);
      };
    },
    { rgb: colour, pitch: hertz },
  );
}

export const ZHANG: Person = { colour: [220, 40, 120], hertz: 700 };
export const LI: Person = { colour: [30, 160, 220], hertz: 1_150 };
export const WANG: Person = { colour: [240, 170, 20], hertz: 1_700 };

/** A page of somebody with devices. */
export async function pageOf(people: People, person: Person, width: number, height: number): Promise<Page> {
  const context = await people.context({ viewport: { width, height } });
  await giveDevices(context, person);
  return context.newPage();
}

/** A citizen and an agent in a conversation. */
export async function conversation(citizenPage: Page, agentPage: Page, urls: { citizen: string; agent: string }) {
  const agent = await Console.open(agentPage, urls.agent, 'agent1001');
  const widget = await Widget.open(citizenPage, urls.citizen);
  await widget.askHuman();
  await agent.accept();
  await agent.say('您好，请打开视频');
  return { agent, widget, clerk: new WindowOf(agent.page), citizen: new WindowOf(widget.page) };
}

/** A tab is what somebody shows who has a choice, too: a browser without a screen has no other picture that is not a fake. */
export async function showThisTab(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const real = navigator.mediaDevices?.getDisplayMedia?.bind(navigator.mediaDevices);
    if (real)
      navigator.mediaDevices.getDisplayMedia = (wanted) =>
        real({ ...wanted, preferCurrentTab: true } as DisplayMediaStreamOptions);
  });
}

/** A place of a picture that is fitted into an element, in the page's pixels. */
export async function placeOn(surface: Locator, video: Locator): Promise<(x: number, y: number) => [number, number]> {
  const box = (await surface.boundingBox())!;
  const [width, height] = await video.evaluate((one: HTMLVideoElement) => [one.videoWidth, one.videoHeight]);
  const scale = Math.min(box.width / width!, box.height / height!);
  return (x, y) => [
    box.x + (box.width - width! * scale) / 2 + x * width! * scale,
    box.y + (box.height - height! * scale) / 2 + y * height! * scale,
  ];
}

/** Draws from one place to another with what is chosen. */
export async function drag(page: Page, from: [number, number], to: [number, number]): Promise<void> {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move(...to, { steps: 8 });
  await page.mouse.up();
}

/** What of a canvas is inked, in parts of its width and height: left, top, right, bottom; `null`: nothing. */
export async function inked(canvas: Locator): Promise<[number, number, number, number] | null> {
  return canvas.evaluate((element: HTMLCanvasElement) => {
    const { width, height } = element;
    // A copy of our own, so that the page's canvas is not read again and again.
    const copy = Object.assign(document.createElement('canvas'), { width, height });
    const context = copy.getContext('2d', { willReadFrequently: true })!;
    context.drawImage(element, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    let [left, top, right, bottom] = [width, height, -1, -1];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (data[(y * width + x) * 4 + 3]! < 200) continue;
        [left, top] = [Math.min(left, x), Math.min(top, y)];
        [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
      }
    }
    return right < 0 ? null : [left / width, top / height, (right + 1) / width, (bottom + 1) / height];
  });
}

/** The middle of all ink on a canvas stands at this place of it, within 1 % of its width and height. */
export async function inkIsAt(canvas: Locator, x: number, y: number): Promise<void> {
  await expect
    .poll(async () => {
      const found = await inked(canvas);
      return found ? Math.max(Math.abs((found[0] + found[2]) / 2 - x), Math.abs((found[1] + found[3]) / 2 - y)) : 1;
    })
    .toBeLessThan(0.01);
}

/** Keeps a page's connections, so that a story can ask them which way they go. Before a page is opened. */
export async function watchWays(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const all: RTCPeerConnection[] = [];
    Object.assign(window, { connections: all });
    const Real = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Real {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        all.push(this);
      }
    };
  });
}

/** The way that a page's newest connection takes: `host udp`, `relay tcp`, `relay tls`; empty: none. */
export async function wayOf(page: Page): Promise<string> {
  return page.evaluate(async () => {
    type Report = Record<string, string | undefined>;
    const all = (window as unknown as { connections: RTCPeerConnection[] }).connections;
    const newest = all.filter((one) => one.connectionState !== 'closed').at(-1);
    const reports: Report[] = [];
    (await newest?.getStats())?.forEach((one: Report) => reports.push(one));
    const find = (id: string | undefined) => reports.find((one) => one.id === id);
    const transport = reports.find(({ type }) => type === 'transport');
    const local = find(find(transport?.selectedCandidatePairId)?.localCandidateId);
    return local ? `${local.candidateType} ${local.relayProtocol ?? local.protocol}` : '';
  });
}

/** A block of one colour in a corner of a page that is shown: at a quarter of its width, six sevenths of its height. */
export async function paint(page: Page, [red, green, blue]: number[]): Promise<void> {
  await page.evaluate((colour) => {
    const there = document.getElementById('block');
    const block = there ?? document.body.appendChild(document.createElement('div'));
    block.id = 'block';
    Object.assign(block.style, { position: 'fixed', zIndex: '9', left: '0', bottom: '0', width: '50%', height: '30%' });
    block.style.background = colour;
  }, `rgb(${red}, ${green}, ${blue})`);
}

/** Red, green and blue of a video, or of one held still, at parts of its picture; `null`: there is no picture yet. */
export async function seen(video: Locator, x = 0.5, y = 0.5): Promise<number[] | null> {
  return video.evaluate(
    (element: HTMLVideoElement | HTMLCanvasElement, at) => {
      const [width, height] =
        element instanceof HTMLVideoElement
          ? [element.videoWidth, element.videoHeight]
          : [element.width, element.height];
      if (!width) return null;
      const canvas = document.createElement('canvas');
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext('2d')!;
      context.drawImage(element, 0, 0);
      const place = [Math.floor(at.x * (canvas.width - 1)), Math.floor(at.y * (canvas.height - 1))] as const;
      return [...context.getImageData(...place, 1, 1).data.slice(0, 3)];
    },
    { x, y },
  );
}

/** Are they the same colour, as far as a video keeps colours? */
export const near = (one: number[] | null, other: number[], within = 40): boolean =>
  one !== null && one.every((part, at) => Math.abs(part - (other[at] ?? 0)) <= within);

/** The pitch that is loudest in each of the voices that a page plays, in Hertz; silent ones are left out. */
export async function heard(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const players = [...document.querySelectorAll<HTMLAudioElement>('audio[data-testid=window-voice]')];
    const context = new AudioContext();
    await context.resume();
    const pitches = await Promise.all(
      players
        .filter((one) => one.srcObject && !one.paused)
        .map(async (player) => {
          const analyser = context.createAnalyser();
          analyser.fftSize = 8_192;
          analyser.smoothingTimeConstant = 0;
          context.createMediaStreamSource(player.srcObject as MediaStream).connect(analyser);
          const bins = new Float32Array(analyser.frequencyBinCount);
          let best = { hertz: 0, loud: -70 };
          // A window of the transform has to fill first; by the clock of the sound, which stands still on a busy machine.
          const until = context.currentTime + 0.6;
          while (best.hertz === 0 && context.currentTime < until) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            analyser.getFloatFrequencyData(bins);
            bins.forEach((loud, bin) => {
              if (loud > best.loud) best = { hertz: (bin * context.sampleRate) / analyser.fftSize, loud };
            });
          }
          return Math.round(best.hertz);
        }),
    );
    await context.close();
    return pitches.filter((hertz) => hertz > 0);
  });
}

/** The window as one person has it on the screen. */
export class WindowOf {
  constructor(readonly page: Page) {}

  get root(): Locator {
    return this.page.getByTestId('window');
  }

  get stage(): Locator {
    return this.page.getByTestId('window-stage');
  }

  get picture(): Locator {
    return this.page.getByTestId('window-picture');
  }

  /** The picture that is held while the screen goes on. */
  get still(): Locator {
    return this.stage.getByTestId('still-picture');
  }

  get screenVideo(): Locator {
    return this.page.getByTestId('screen-video');
  }

  button(name: string | RegExp): Locator {
    return this.root.getByRole('button', { name, exact: typeof name === 'string' });
  }

  tile(seat: 'citizen' | 'agent' | 'second_clerk' | 'supervisor'): Locator {
    return this.root.locator(`li[data-seat=${seat}]`);
  }

  face(seat: Parameters<WindowOf['tile']>[0]): Locator {
    return this.tile(seat).locator('video');
  }

  async is(kind: string): Promise<void> {
    await expect(this.root).toHaveAttribute('data-screen', kind);
  }

  /** The participant's id under which this seat is known. */
  async participant(seat: Parameters<WindowOf['tile']>[0]): Promise<string | null> {
    return this.face(seat).getAttribute('data-participant');
  }

  async sees(video: Locator, colour: number[], x = 0.5, y = 0.5): Promise<void> {
    await expect
      .poll(async () => near((await video.count()) > 0 ? await seen(video, x, y) : null, colour), {
        message: `a picture of ${colour.join()}`,
        timeout: 15_000,
      })
      .toBe(true);
  }

  async hears(hertz: number): Promise<void> {
    await expect
      .poll(async () => Math.min(...(await heard(this.page)).map((one) => Math.abs(one - hertz))), {
        message: `a tone of ${hertz} Hz`,
        timeout: 15_000,
      })
      .toBeLessThanOrEqual(15);
  }
}
