/**
 * The sound of one leg of a call: one line, G.711 (PCMA) and nothing else, both ways. Framework-free; what it needs of the
 * browser comes in by `PhoneEnvironment`, so that tests own connections and time.
 *
 * State chart: connecting → up ⇄ interrupted → connecting (a new connection) → ... ; any → closed by `close()` or by a
 * refusal that trying again will not change.
 *
 * A connection that breaks is not mended but replaced: the server keeps the leg for 20 s (docs/calls.md) and takes the next
 * offer for it, from this page or from the one that it becomes by a reload. The microphone is exchanged by `replaceTrack`,
 * so that being silent or another device costs no negotiation.
 *
 * Deliberately absent: who is in the call, keys of the telephone (the server sends them), devices.
 */
export type PhoneState = 'connecting' | 'up' | 'interrupted' | 'closed';

export interface PhoneEnvironment {
  connection: (configuration: RTCConfiguration) => RTCPeerConnection;
  /** What this browser can receive; `undefined`: it does not say. */
  codecs: () => RTCRtpCodec[] | undefined;
  setTimeout: (run: () => void, ms: number) => number;
  clearTimeout: (timer: number) => void;
}

export interface PhoneOptions {
  /** Tells the server what this page offers for its leg; answers with the server's description. */
  offer: (sdp: string) => Promise<string>;
  iceServers?: readonly RTCIceServer[];
  policy?: RTCIceTransportPolicy;
  changed: (state: PhoneState) => void;
  /** What is to be played; `null`: nothing any more. */
  heard: (track: MediaStreamTrack | null) => void;
  /** The server refused, and trying again will not help. */
  refused: (error: unknown) => void;
  environment?: PhoneEnvironment;
}

/** A connection that nothing comes from is replaced after this time; shorter gaps mend themselves. */
const PATIENCE_MS = 2_000;
/** A new connection has this long to come up before there is another one. */
const COME_UP_MS = 6_000;
/** Pauses before the next connection, the last one for ever. All of them together are less than the 20 s of the leg. */
const PAUSES = [0, 300, 700, 1_500, 2_500] as const;

/** Payload type of PCMA (RFC 3551, table 4). */
const PCMA = '8';

const browser: PhoneEnvironment = {
  connection: (configuration) => new RTCPeerConnection(configuration),
  codecs: () => globalThis.RTCRtpReceiver?.getCapabilities?.('audio')?.codecs,
  setTimeout: (run, ms) => window.setTimeout(run, ms),
  clearTimeout: (timer) => window.clearTimeout(timer),
};

/** Will the same request perhaps be taken later? Everything that is no refusal is taken for a loss. */
const isRetryable = (error: unknown): boolean => (error as { retryable?: boolean }).retryable ?? true;

export class Softphone {
  private readonly environment: PhoneEnvironment;
  private connection: RTCPeerConnection | undefined;
  private line: RTCRtpTransceiver | undefined;
  private voice: MediaStreamTrack | null = null;
  private state: PhoneState = 'connecting';
  private attempts = 0;
  private timer: number | undefined;

  constructor(private readonly options: PhoneOptions) {
    this.environment = options.environment ?? browser;
  }

  get current(): PhoneState {
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
    if (pause === 0) void this.begin();
    else this.timer = this.environment.setTimeout(() => void this.begin(), pause);
  }

  /** From now on this is what is sent; `null`: nothing. */
  async speak(track: MediaStreamTrack | null): Promise<void> {
    this.voice = track;
    await this.line?.sender.replaceTrack(track);
  }

  /** Ends it here; the server is told by whoever ends the leg. */
  close(): void {
    this.clearTimer();
    this.discard();
    this.setState('closed');
  }

  private async begin(): Promise<void> {
    const { iceServers = [], policy = 'all' } = this.options;
    let connection: RTCPeerConnection;
    try {
      connection = this.environment.connection({
        iceServers: iceServers.map((one) => ({ ...one })),
        iceTransportPolicy: policy,
        bundlePolicy: 'max-bundle',
      });
    } catch (error) {
      // A browser without connections, or one that takes none of our relays: it will not the next time either.
      this.close();
      this.options.refused(error);
      return;
    }
    this.connection = connection;
    const line = connection.addTransceiver(this.voice ?? 'audio', { direction: 'sendrecv' });
    this.line = line;
    const alaw = (this.environment.codecs() ?? []).filter((one) => /^audio\/pcma$/i.test(one.mimeType));
    if (alaw.length > 0) line.setCodecPreferences?.(alaw);
    connection.onconnectionstatechange = () => {
      if (connection === this.connection) this.moved(connection.connectionState);
    };
    this.timer = this.environment.setTimeout(() => this.connect(), COME_UP_MS);
    try {
      const offer = await connection.createOffer();
      await connection.setLocalDescription({ type: 'offer', sdp: onlyPcma(offer.sdp ?? '') });
      const { sdp } = connection.localDescription!;
      const answer = await this.options.offer(sdp);
      if (connection !== this.connection) return;
      await connection.setRemoteDescription({ type: 'answer', sdp: answer });
      this.options.heard(line.receiver.track);
    } catch (error) {
      if (connection !== this.connection) return;
      if (isRetryable(error)) this.connect();
      else {
        this.close();
        this.options.refused(error);
      }
    }
  }

  private moved(to: RTCPeerConnectionState): void {
    if (to === 'connected') {
      this.attempts = 0;
      this.clearTimer();
      this.setState('up');
    } else if (to === 'disconnected' && this.state === 'up') {
      this.clearTimer();
      this.setState('interrupted');
      this.timer = this.environment.setTimeout(() => this.connect(), PATIENCE_MS);
    } else if (to === 'failed') this.connect();
  }

  private setState(state: PhoneState): void {
    if (this.state === 'closed' || this.state === state) return;
    this.state = state;
    this.options.changed(state);
  }

  private discard(): void {
    const { connection } = this;
    this.connection = undefined;
    this.line = undefined;
    if (!connection) return;
    connection.onconnectionstatechange = null;
    connection.close();
    this.options.heard(null);
  }

  private clearTimer(): void {
    if (this.timer !== undefined) this.environment.clearTimeout(this.timer);
    this.timer = undefined;
  }
}

/**
 * An offer with PCMA alone, for browsers that cannot be told which codecs to prefer: the payload types of the audio line
 * and what is said of them. One that has no PCMA, or nothing else, stays as it is.
 */
export function onlyPcma(sdp: string): string {
  const lines = sdp.split('\r\n');
  const at = lines.findIndex((line) => line.startsWith('m=audio '));
  if (at < 0) return sdp;
  const [medium, port, profile, ...types] = lines[at]!.split(' ');
  if (!types.includes(PCMA) || types.length === 1) return sdp;
  lines[at] = [medium, port, profile, PCMA].join(' ');
  const isOther = (line: string) => {
    const said = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(line);
    return said !== null && said[1] !== PCMA;
  };
  return lines.filter((line) => !isOther(line)).join('\r\n');
}
