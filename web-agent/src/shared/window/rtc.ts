/**
 * One connection of a page to the media of a window, by the rules of docs/windows.md ("What a page does"). Whatever it
 * needs of the browser comes in by `PeerEnvironment`, so that tests own connections and time.
 *
 * State chart: connecting → up ⇄ interrupted; from both, and from connecting, to connecting again by a new connection
 * (the server forgot the old one, or it could not be mended) ; any → closed by `close()`.
 *
 * Invariants: the three lines voice, camera, screen stand in this order for the life of a connection and are never
 * stopped, because the first one carries the transport (Chromium builds it anew when that line is stopped); what is shown
 * changes by `replaceTrack`. Only one negotiation is under way. An offer of the server that comes while ours is not answered
 * was either made before the server had ours, and is void (it comes again), or after, and has overtaken the answer: then it
 * has the answer's ICE name, because both a new connection and a restart give a new one.
 *
 * Deliberately absent: candidates told one by one (the server answers whoever asks with the right signature), devices,
 * and who may publish what.
 */
import type { IceServer, MediaLine, Medium, ParticipantId, MediaLeg } from '../../generated/protocol';

/** The order of the lines. */
export const LINES: readonly Medium[] = ['voice', 'camera', 'screen'];

export type PeerState = 'connecting' | 'up' | 'interrupted' | 'closed';

/** What the server is told; each answers with its description. */
export interface PeerWire {
  connect: (sdp: string, lines: MediaLine[]) => Promise<string>;
  restart: (sdp: string, lines: MediaLine[]) => Promise<string>;
  answer: (number: number, sdp: string) => Promise<void>;
}

export interface PeerEnvironment {
  connection: (configuration: RTCConfiguration) => RTCPeerConnection;
  setTimeout: (run: () => void, ms: number) => number;
  clearTimeout: (timer: number) => void;
}

export interface PeerOptions {
  wire: PeerWire;
  iceServers: readonly IceServer[];
  policy: RTCIceTransportPolicy;
  changed: (state: PeerState) => void;
  /** Whose tracks there are now. */
  heard: (tracks: ReadonlyMap<ParticipantId, Partial<Record<Medium, MediaStreamTrack>>>) => void;
  /** The server refused, and trying again will not help. */
  refused: (error: unknown) => void;
  environment?: PeerEnvironment;
}

/** A connection that nothing comes from is mended after this time; shorter gaps mend themselves. */
const MEND_MS = 2_000;
/** A mended connection has this long to come up before there is a new one. */
const PATIENCE_MS = 8_000;
/** Pauses before the next new connection, the last one for ever. */
const PAUSES = [0, 500, 1_000, 2_000, 4_000] as const;

/** Bits per second: a face in a tile, and a page whose small print can be read. */
const CAMERA_BITRATE = 600_000;
const SCREEN_BITRATE = 1_800_000;

const browser: PeerEnvironment = {
  connection: (configuration) => new RTCPeerConnection(configuration),
  setTimeout: (run, ms) => window.setTimeout(run, ms),
  clearTimeout: (timer) => window.clearTimeout(timer),
};

/** Will the same request perhaps be taken later? Everything that is no refusal is taken for a loss. */
const isRetryable = (error: unknown): boolean => (error as { retryable?: boolean }).retryable ?? true;

export class Peer {
  private readonly environment: PeerEnvironment;
  private readonly tracks = new Map<Medium, MediaStreamTrack | null>();
  private connection: RTCPeerConnection | undefined;
  private senders = new Map<Medium, RTCRtpTransceiver>();
  private legs: readonly MediaLeg[] = [];
  private state: PeerState = 'connecting';
  private isOffering = false;
  /** Offers that came while ours was under way. */
  private crossing: { number: number; sdp: string }[] = [];
  /** Negotiations of one connection follow each other. */
  private queue: Promise<void> = Promise.resolve();
  private attempts = 0;
  private timer: number | undefined;

  constructor(private readonly options: PeerOptions) {
    this.environment = options.environment ?? browser;
  }

  get current(): PeerState {
    return this.state;
  }

  /** The browser's connection, for its statistics. */
  get raw(): RTCPeerConnection | undefined {
    return this.connection;
  }

  /** Makes the first connection, or a new one in place of the one that there is. */
  connect(): void {
    if (this.state === 'closed') return;
    this.clearTimer();
    this.discard();
    this.setState('connecting');
    const pause = PAUSES[Math.min(this.attempts, PAUSES.length - 1)]!;
    this.attempts += 1;
    if (pause === 0) this.begin();
    else this.timer = this.environment.setTimeout(() => this.begin(), pause);
  }

  /** The network is another one, or the page hears nothing any more: the same connection over new ways. */
  mend(): void {
    const { connection } = this;
    if (!connection || this.state === 'closed' || this.isOffering) return;
    this.clearTimer();
    this.setState('interrupted');
    this.timer = this.environment.setTimeout(() => this.connect(), PATIENCE_MS);
    connection.restartIce();
    this.enqueue(connection, () => this.offer(connection, true));
  }

  /** From now on this is what is sent on a line; `null`: nothing. */
  async send(medium: Medium, track: MediaStreamTrack | null): Promise<void> {
    this.tracks.set(medium, track);
    await this.senders.get(medium)?.sender.replaceTrack(track);
  }

  /** The server wants to send more lines. */
  offered(number: number, sdp: string): void {
    const { connection } = this;
    if (!connection) return;
    if (this.isOffering) this.crossing.push({ number, sdp });
    else this.enqueue(connection, () => this.answer(connection, number, sdp));
  }

  /** Whose medium comes on which line. */
  carries(legs: readonly MediaLeg[]): void {
    this.legs = legs;
    this.tellTracks();
  }

  /** What the server sees of the connection. */
  linked(link: 'up' | 'interrupted' | 'over'): void {
    if (link === 'over') this.connect();
    else if (link === 'interrupted' && this.state === 'up') this.waitThenMend();
    else if (link === 'up') this.goesOn();
  }

  /** It came back, or is mended, before the browser missed anything: no change of its state tells so. */
  private goesOn(): void {
    if (this.state === 'interrupted' && this.connection?.connectionState === 'connected') this.moved('connected');
  }

  close(): void {
    this.clearTimer();
    this.discard();
    this.setState('closed');
  }

  private begin(): void {
    const { iceServers, policy } = this.options;
    const connection = this.environment.connection({
      iceServers: iceServers.map((one) => ({ ...one })),
      iceTransportPolicy: policy,
      bundlePolicy: 'max-bundle',
    });
    this.connection = connection;
    this.senders = new Map();
    for (const medium of LINES) {
      const track = this.tracks.get(medium) ?? null;
      const bitrate = medium === 'camera' ? CAMERA_BITRATE : medium === 'screen' ? SCREEN_BITRATE : undefined;
      const line = connection.addTransceiver(track ?? (medium === 'voice' ? 'audio' : 'video'), {
        direction: 'sendonly',
        ...(bitrate ? { sendEncodings: [{ maxBitrate: bitrate }] } : {}),
      });
      this.senders.set(medium, line);
    }
    connection.onconnectionstatechange = () => {
      if (connection === this.connection) this.moved(connection.connectionState);
    };
    // Until the answer is here and the way is found.
    this.timer = this.environment.setTimeout(() => this.connect(), PATIENCE_MS * 2);
    this.enqueue(connection, () => this.offer(connection, false));
  }

  private async answer(connection: RTCPeerConnection, number: number, sdp: string): Promise<void> {
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription(await connection.createAnswer());
    if (connection !== this.connection) return;
    try {
      await this.options.wire.answer(number, connection.localDescription!.sdp);
    } catch {
      // Both sides do not agree any more on which lines there are.
      if (connection === this.connection) this.connect();
      return;
    }
    this.tellTracks();
  }

  private async offer(connection: RTCPeerConnection, isRestart: boolean): Promise<void> {
    this.isOffering = true;
    this.crossing = [];
    try {
      await connection.setLocalDescription(await connection.createOffer({ iceRestart: isRestart }));
      const lines: MediaLine[] = [];
      for (const [medium, { mid }] of this.senders) if (mid !== null) lines.push({ mid, medium });
      const { wire } = this.options;
      const { sdp } = connection.localDescription!;
      const answer = await (isRestart ? wire.restart(sdp, lines) : wire.connect(sdp, lines));
      if (connection !== this.connection) return;
      await connection.setRemoteDescription({ type: 'answer', sdp: answer });
      if (isRestart) this.goesOn();
      this.tellTracks();
      const name = iceNameOf(answer);
      const [newest] = this.crossing.filter((one) => iceNameOf(one.sdp) === name).sort((a, b) => b.number - a.number);
      if (newest) this.enqueue(connection, () => this.answer(connection, newest.number, newest.sdp));
    } finally {
      if (connection === this.connection) this.isOffering = false;
    }
  }

  private enqueue(connection: RTCPeerConnection, run: () => Promise<void>): void {
    this.queue = this.queue.then(async () => {
      if (connection !== this.connection) return;
      try {
        await run();
      } catch (error) {
        if (connection !== this.connection || this.state === 'closed') return;
        if (isRetryable(error)) this.connect();
        else {
          this.close();
          this.options.refused(error);
        }
      }
    });
  }

  private moved(to: RTCPeerConnectionState): void {
    if (to === 'connected') {
      this.attempts = 0;
      this.clearTimer();
      this.setState('up');
    } else if (to === 'disconnected' && this.state === 'up') this.waitThenMend();
    else if (to === 'failed') {
      // A way was lost that there was: look for another one. There was none: everything anew.
      if (this.state === 'up') this.mend();
      else this.connect();
    }
  }

  private waitThenMend(): void {
    this.clearTimer();
    this.setState('interrupted');
    this.timer = this.environment.setTimeout(() => this.mend(), MEND_MS);
  }

  private tellTracks(): void {
    const lines = this.connection?.getTransceivers() ?? [];
    const people = new Map<ParticipantId, Partial<Record<Medium, MediaStreamTrack>>>();
    for (const { mid, participant, medium } of this.legs) {
      // Of an offer that is still being answered: told again then.
      const line = lines.find((one) => one.mid === mid);
      if (line) people.set(participant, { ...people.get(participant), [medium]: line.receiver.track });
    }
    this.options.heard(people);
  }

  private setState(state: PeerState): void {
    if (this.state === 'closed' || this.state === state) return;
    this.state = state;
    this.options.changed(state);
  }

  private discard(): void {
    const { connection } = this;
    this.connection = undefined;
    this.senders = new Map();
    this.isOffering = false;
    this.legs = [];
    // What a browser was asked of a connection that is closed meanwhile is never answered: nothing waits for it.
    this.queue = Promise.resolve();
    if (!connection) return;
    connection.onconnectionstatechange = null;
    connection.close();
    this.tellTracks();
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.environment.clearTimeout(this.timer);
    this.timer = undefined;
  }
}

/** The ICE name (`ufrag`) of whoever wrote a description. */
const iceNameOf = (sdp: string): string | undefined => /a=ice-ufrag:(\S+)/.exec(sdp)?.[1];

/**
 * Why no way is found, as far as the browser can say: `udp`: nothing of ours came through and there is no relay;
 * `relay`: there are relays, and none of them was reached; `unknown`.
 */
export type NoWay = 'udp' | 'relay' | 'unknown';

/** `candidates`: kinds of the local candidates that were found; `hasRelays`: servers that would pass it on. */
export function noWay(candidates: readonly string[], hasRelays: boolean): NoWay {
  if (hasRelays && !candidates.includes('relay')) return 'relay';
  return hasRelays ? 'unknown' : 'udp';
}

/** Kinds of the local candidates of a connection. */
export async function localCandidates(connection: RTCPeerConnection): Promise<string[]> {
  const kinds: string[] = [];
  (await connection.getStats()).forEach((one: { type: string; candidateType?: string }) => {
    if (one.type === 'local-candidate' && one.candidateType) kinds.push(one.candidateType);
  });
  return kinds;
}
