import { beforeEach, expect, test, vi } from 'vitest';
import { RequestError } from '../link';
import { onlyPcma, Softphone, type PhoneOptions, type PhoneState } from './softphone';

/** What a Chromium offers, shortened. */
const OFFER = [
  'v=0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126',
  'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:abcd',
  'a=rtpmap:111 opus/48000/2',
  'a=rtcp-fb:111 transport-cc',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:110 telephone-event/48000',
  'a=rtpmap:126 telephone-event/8000',
  '',
].join('\r\n');

class Connection {
  static all: Connection[] = [];
  onconnectionstatechange: (() => void) | null = null;
  connectionState: RTCPeerConnectionState = 'new';
  localDescription: RTCSessionDescriptionInit | null = null;
  remote: RTCSessionDescriptionInit | null = null;
  isClosed = false;
  preferred: string[] = [];
  readonly line = {
    sent: null as unknown,
    sender: {
      replaceTrack: (track: unknown) => {
        this.line.sent = track;
        return Promise.resolve();
      },
    },
    receiver: { track: { id: 'theirs' } },
    setCodecPreferences: (codecs: RTCRtpCodec[]) => {
      this.preferred = codecs.map((one) => one.mimeType);
    },
  };

  constructor() {
    Connection.all.push(this);
  }

  addTransceiver(what: unknown) {
    this.line.sent = what === 'audio' ? null : what;
    return this.line;
  }

  createOffer() {
    return Promise.resolve({ type: 'offer', sdp: OFFER });
  }

  setLocalDescription(description: RTCSessionDescriptionInit) {
    this.localDescription = description;
    return Promise.resolve();
  }

  setRemoteDescription(description: RTCSessionDescriptionInit) {
    this.remote = description;
    return Promise.resolve();
  }

  close() {
    this.isClosed = true;
  }

  is(state: RTCPeerConnectionState) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

beforeEach(() => {
  Connection.all = [];
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);
const last = () => Connection.all.at(-1)!;

function phone(more: Partial<PhoneOptions> = {}) {
  const states: PhoneState[] = [];
  const heard: (string | null)[] = [];
  const refused: unknown[] = [];
  const offered: string[] = [];
  const made = new Softphone({
    offer: (sdp) => {
      offered.push(sdp);
      return Promise.resolve('answer');
    },
    changed: (state) => states.push(state),
    heard: (track) => heard.push(track?.id ?? null),
    refused: (error) => refused.push(error),
    environment: {
      connection: () => new Connection() as unknown as RTCPeerConnection,
      codecs: () =>
        ['audio/opus', 'audio/PCMA', 'audio/telephone-event'].map((mimeType) => ({ mimeType, clockRate: 8_000 })),
      setTimeout: (run, ms) => window.setTimeout(run, ms),
      clearTimeout: (timer) => window.clearTimeout(timer),
    },
    ...more,
  });
  return { made, states, heard, refused, offered };
}

test('an offer has PCMA and nothing else, whatever the browser would like', async () => {
  const { made, offered } = phone();
  made.connect();
  await settle();
  expect(last().preferred).toEqual(['audio/PCMA']);
  const [sdp = ''] = offered;
  expect(sdp).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 8\r\n');
  expect(sdp.match(/a=rtpmap:\S+ \S+/g)).toEqual(['a=rtpmap:8 PCMA/8000']);
  expect(sdp).toContain('a=ice-ufrag:abcd');
  // One without PCMA is for the server to refuse.
  expect(onlyPcma(OFFER.replaceAll(' 8 ', ' '))).toContain('opus');
  expect(onlyPcma(sdp)).toBe(sdp);
});

test('the answer makes it sound; the microphone is exchanged without a new offer', async () => {
  const { made, states, heard, offered } = phone();
  const mine = { id: 'mine' } as MediaStreamTrack;
  await made.speak(mine);
  made.connect();
  await settle();
  expect(last().line.sent).toBe(mine);
  expect([last().remote?.sdp, heard]).toEqual(['answer', ['theirs']]);
  last().is('connected');
  expect(states).toEqual(['up']);
  await made.speak(null);
  expect([last().line.sent, offered.length]).toEqual([null, 1]);
});

test('a gap under 2 s mends itself; a longer one, or a failure, makes a new connection', async () => {
  const { made, states, heard } = phone();
  made.connect();
  await settle();
  last().is('connected');
  last().is('disconnected');
  await vi.advanceTimersByTimeAsync(1_999);
  expect([Connection.all.length, states.at(-1)]).toEqual([1, 'interrupted']);
  last().is('connected');
  await vi.advanceTimersByTimeAsync(10_000);
  expect([Connection.all.length, states.at(-1)]).toEqual([1, 'up']);
  last().is('disconnected');
  await vi.advanceTimersByTimeAsync(2_000);
  expect([Connection.all.length, Connection.all[0]!.isClosed, states.at(-1)]).toEqual([2, true, 'connecting']);
  expect(heard).toEqual(['theirs', null, 'theirs']);
  last().is('connected');
  last().is('failed');
  await settle();
  expect(Connection.all).toHaveLength(3);
});

test('while the server is away it tries again within the 20 s for which the leg is kept; a refusal ends it', async () => {
  let isThere = false;
  const lost = new RequestError('lost', '', undefined, true);
  const away = phone({ offer: () => (isThere ? Promise.resolve('answer') : Promise.reject(lost)) });
  away.made.connect();
  await vi.advanceTimersByTimeAsync(15_000);
  expect(Connection.all.length).toBeGreaterThan(5);
  expect(away.refused).toEqual([]);
  isThere = true;
  await vi.advanceTimersByTimeAsync(2_500);
  last().is('connected');
  expect(away.states.at(-1)).toBe('up');

  const gone = new RequestError('not_found', 'leg cl_1/2 is not there', undefined, false);
  const over = phone({ offer: () => Promise.reject(gone) });
  over.made.connect();
  await settle();
  expect([over.refused, over.made.current]).toEqual([[gone], 'closed']);
  over.made.connect();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(over.made.current).toBe('closed');
});

test('a connection that never comes up is given up after 6 s; a closed one leaves nothing', async () => {
  const { made, heard } = phone();
  made.connect();
  await settle();
  await vi.advanceTimersByTimeAsync(6_000 + 300);
  expect(Connection.all).toHaveLength(2);
  made.close();
  expect(Connection.all.every((one) => one.isClosed)).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([Connection.all.length, heard.at(-1), made.current]).toEqual([2, null, 'closed']);
});

test('a browser that makes no connections is told of once, and nothing is tried again', async () => {
  const error = new ReferenceError('RTCPeerConnection is not defined');
  const { made, refused, states } = phone({
    environment: {
      connection: () => {
        throw error;
      },
      codecs: () => undefined,
      setTimeout: (run, ms) => window.setTimeout(run, ms),
      clearTimeout: (timer) => window.clearTimeout(timer),
    },
  });
  made.connect();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([refused, states]).toEqual([[error], ['closed']]);
});
