/**
 * Camera, microphone and loudspeaker of this machine: asking for them, which ones there are, what stands in the way, and
 * what was chosen last time. Framework-free; the browser's parts come in by `DeviceEnvironment`.
 */

/** Why there is no camera, microphone or screen. */
export type DeviceProblem =
  /** The page is not served by TLS: browsers give it no devices. */
  | 'insecure'
  /** The browser knows no such thing. */
  | 'unsupported'
  /** The person, or a rule of the browser, said no. */
  | 'denied'
  /** The operating system says no to the browser. */
  | 'denied_by_system'
  /** There is none, or not the chosen one any more. */
  | 'not_found'
  /** Another program has it. */
  | 'in_use'
  | 'failed';

export interface DeviceEnvironment {
  /** Absent on pages without TLS. */
  media: MediaDevices | undefined;
  isSecure: boolean;
  hasConnections: boolean;
  storage: Pick<Storage, 'getItem' | 'setItem'> | null;
}

function storageOf(): DeviceEnvironment['storage'] {
  try {
    return localStorage;
  } catch {
    // Blocked, as in a frame without cookies.
    return null;
  }
}

export const browserDevices = (): DeviceEnvironment => ({
  media: navigator.mediaDevices as MediaDevices | undefined,
  isSecure: globalThis.isSecureContext,
  hasConnections: typeof RTCPeerConnection === 'function',
  storage: storageOf(),
});

/** What can be said before anything is asked for. */
export function obstacle({ media, isSecure, hasConnections }: DeviceEnvironment): DeviceProblem | null {
  if (!isSecure) return 'insecure';
  return hasConnections && typeof media?.getUserMedia === 'function' ? null : 'unsupported';
}

/** The names are those of Media Capture and Streams; older browsers have some of their own. */
export function problemOf(error: unknown): DeviceProblem {
  const { name = '', message = '' } = error instanceof Error ? error : {};
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
      return /system/i.test(message) ? 'denied_by_system' : 'denied';
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'not_found';
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'in_use';
    case 'NotSupportedError':
    case 'TypeError':
      return 'unsupported';
    default:
      return 'failed';
  }
}

/** What was chosen; an empty id: whatever the browser takes. */
export interface Choices {
  microphone: string;
  camera: string;
  speaker: string;
  withCamera: boolean;
}

const KEY = 'bangban.window.devices';
const FIRST: Choices = { microphone: '', camera: '', speaker: '', withCamera: true };

/** What was chosen last time on this machine. Ids of devices are random and this origin's own; no names are kept. */
export function storedChoices(environment: DeviceEnvironment): Choices {
  try {
    const stored = JSON.parse(environment.storage?.getItem(KEY) ?? 'null') as Partial<Choices> | null;
    const text = (value: unknown) => (typeof value === 'string' ? value : '');
    return {
      microphone: text(stored?.microphone),
      camera: text(stored?.camera),
      speaker: text(stored?.speaker),
      withCamera: stored?.withCamera !== false,
    };
  } catch {
    // Not ours.
    return FIRST;
  }
}

export function keepChoices(environment: DeviceEnvironment, choices: Choices): void {
  try {
    environment.storage?.setItem(KEY, JSON.stringify(choices));
  } catch {
    // Full or blocked: asked again next time.
  }
}

/** An id that is wanted, not insisted upon: a device that was unplugged is no reason to fail. */
const wanted = (id: string) => (id ? { deviceId: { ideal: id } } : {});

/** Faces in tiles: little is enough, and leaves the line to the screen. */
const camera = (id: string): MediaTrackConstraints => ({
  ...wanted(id),
  width: { ideal: 640 },
  height: { ideal: 480 },
  frameRate: { ideal: 24, max: 30 },
});

const microphone = (id: string): MediaTrackConstraints => ({
  ...wanted(id),
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
});

export interface Opened {
  voice: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
  voiceProblem: DeviceProblem | null;
  cameraProblem: DeviceProblem | null;
}

/**
 * Asks for microphone and camera: together, so that the browser asks the person once; if that fails, each by itself, so
 * that a missing camera does not cost the voice.
 */
export async function open(environment: DeviceEnvironment, choices: Choices): Promise<Opened> {
  const none = obstacle(environment);
  if (none) return { voice: null, camera: null, voiceProblem: none, cameraProblem: none };
  const { media } = environment;
  const one = async (constraints: MediaStreamConstraints) => {
    try {
      return { stream: await media!.getUserMedia(constraints), problem: null };
    } catch (error) {
      return { stream: null, problem: problemOf(error) };
    }
  };
  const audio = microphone(choices.microphone);
  const video = camera(choices.camera);
  if (choices.withCamera) {
    const { stream, problem } = await one({ audio, video });
    if (stream) {
      const [voice = null] = stream.getAudioTracks();
      const [face = null] = stream.getVideoTracks();
      return { voice, camera: face, voiceProblem: null, cameraProblem: null };
    }
    // They were asked and said no: asking twice more would be rude.
    if (problem === 'denied') return { voice: null, camera: null, voiceProblem: problem, cameraProblem: problem };
  }
  const heard = await one({ audio });
  const seen = choices.withCamera ? await one({ video }) : { stream: null, problem: null };
  return {
    voice: heard.stream?.getAudioTracks()[0] ?? null,
    camera: seen.stream?.getVideoTracks()[0] ?? null,
    voiceProblem: heard.problem,
    cameraProblem: seen.problem,
  };
}

export interface Listed {
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

/** What there is to choose from; names are there only after a permission. */
export async function list(environment: DeviceEnvironment): Promise<Listed> {
  const all = (await environment.media?.enumerateDevices?.().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind) => all.filter((one) => one.kind === kind && one.deviceId !== '');
  return { microphones: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') };
}

/** Can this browser show a screen? Those of phones cannot. */
export const canShareScreen = (environment: DeviceEnvironment): boolean =>
  environment.isSecure && typeof environment.media?.getDisplayMedia === 'function';

/** `preferCurrentTab` is Chromium's; others ignore it. */
type DisplayOptions = DisplayMediaStreamOptions & {
  preferCurrentTab?: boolean;
  selfBrowserSurface?: 'include' | 'exclude';
  surfaceSwitching?: 'include' | 'exclude';
};

/** Asks for a screen. `thisTab`: the page that they sit before is meant; they may choose another one. */
export async function openScreen(
  environment: DeviceEnvironment,
  thisTab: boolean,
): Promise<{ track: MediaStreamTrack } | { problem: DeviceProblem | 'cancelled' }> {
  if (!canShareScreen(environment)) return { problem: environment.isSecure ? 'unsupported' : 'insecure' };
  markPage(environment.media);
  const options: DisplayOptions = {
    // Small print matters more than smooth movement.
    video: { frameRate: { ideal: 15, max: 30 }, width: { max: 1_920 }, height: { max: 1_200 } },
    audio: false,
    selfBrowserSurface: 'include',
    surfaceSwitching: 'include',
    ...(thisTab ? { preferCurrentTab: true } : {}),
  };
  try {
    const stream = await environment.media!.getDisplayMedia(options);
    const [track] = stream.getVideoTracks();
    if (!track) return { problem: 'failed' };
    if ('contentHint' in track) track.contentHint = 'detail';
    return { track };
  } catch (error) {
    const problem = problemOf(error);
    // Closing the browser's chooser is no to this screen, and nothing to complain about.
    return { problem: problem === 'denied' ? 'cancelled' : problem };
  }
}

type Capturing = MediaDevices & {
  setCaptureHandleConfig?: (to: { handle: string; permittedOrigins: string[] }) => void;
};
type Captured = MediaStreamTrack & { getCaptureHandle?: () => { handle?: string } | null };

let pageHandle: string | undefined;

/** Gives this page a name by which it knows itself in a picture of a tab (Capture Handle; Chromium). */
function markPage(media: MediaDevices | undefined): void {
  const { setCaptureHandleConfig } = (media ?? {}) as Capturing;
  if (pageHandle || !setCaptureHandleConfig) return;
  const handle = `bangban-${Math.random().toString(36).slice(2)}`;
  try {
    setCaptureHandleConfig.call(media, { handle, permittedOrigins: [location.origin] });
    pageHandle = handle;
  } catch {
    // Inside a frame: the tab is somebody else's page.
  }
}

/** Is it this page that is shown, and not another tab, window or screen? */
export const isOfThisPage = (track: MediaStreamTrack): boolean =>
  pageHandle !== undefined && (track as Captured).getCaptureHandle?.()?.handle === pageHandle;

/** How loud a track is, 0 to 1, by every look. */
export class LevelMeter {
  private readonly context: AudioContext;
  private readonly analyser: AnalyserNode;
  private readonly samples: Uint8Array<ArrayBuffer>;

  constructor(track: MediaStreamTrack) {
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 2_048;
    this.samples = new Uint8Array(this.analyser.fftSize);
    this.context.createMediaStreamSource(new MediaStream([track])).connect(this.analyser);
    void this.context.resume().catch(() => {});
  }

  level(): number {
    this.analyser.getByteTimeDomainData(this.samples);
    return levelOf(this.samples);
  }

  close(): void {
    void this.context.close().catch(() => {});
  }
}

/** The loudest of the samples, 0 to 1; 128 is silence. */
export const levelOf = (samples: ArrayLike<number>): number => {
  let most = 0;
  for (let at = 0; at < samples.length; at++) most = Math.max(most, Math.abs((samples[at] ?? 128) - 128));
  return Math.min(1, most / 127);
};

/** Three rising notes on the chosen loudspeaker. Answers when they are over, or what stood in the way. */
export async function playTestSound(speaker: string): Promise<DeviceProblem | null> {
  try {
    const context = new AudioContext();
    const { setSinkId } = context as AudioContext & { setSinkId?: (id: string) => Promise<void> };
    if (speaker && setSinkId) await setSinkId.call(context, speaker);
    await context.resume();
    const loud = context.createGain();
    loud.gain.value = 0.2;
    loud.connect(context.destination);
    [523, 659, 784].forEach((hertz, at) => {
      const note = context.createOscillator();
      note.frequency.value = hertz;
      note.connect(loud);
      note.start(context.currentTime + at * 0.3);
      note.stop(context.currentTime + at * 0.3 + 0.25);
    });
    await new Promise((resolve) => window.setTimeout(resolve, 950));
    await context.close();
    return null;
  } catch (error) {
    return problemOf(error);
  }
}
