import { beforeEach, describe, expect, it } from 'vitest';
import { LINES, Peer, noWay, type PeerState, type PeerWire } from './rtc';
import type { Medium, MediaLeg } from '../../generated/protocol';

/** A browser's connection, as far as it matters here. Descriptions are words. */
class FakeConnection {
  lines: {
    kind: string;
    mid: string | null;
    sender: { track: unknown; replaceTrack: (track: unknown) => Promise<void> };
    receiver: { track: string };
  }[] = [];
  connectionState = 'new';
  onconnectionstatechange: (() => void) | null = null;
  localDescription: { sdp: string } | null = null;
  remote: string[] = [];
  restarts = 0;
  isClosed = false;

  constructor(readonly number: number) {}

  addTransceiver(what: unknown) {
    const sender = {
      track: typeof what === 'string' ? null : what,
      replaceTrack: async (track: unknown) => void (sender.track = track),
    };
    const line = { kind: String(what), mid: null as string | null, sender, receiver: { track: '' } };
    this.lines.push(line);
    return line;
  }

  getTransceivers = () => this.lines;
  createOffer = async ({ iceRestart }: { iceRestart: boolean }) => ({ sdp: iceRestart ? 'offer again' : 'offer' });
  createAnswer = async () => ({ sdp: 'answer' });
  restartIce = () => void (this.restarts += 1);

  async setLocalDescription(description: { sdp: string }) {
    this.localDescription = description;
    this.lines.forEach((line, at) => (line.mid ??= `${at}`));
  }

  async setRemoteDescription({ type, sdp }: { type: string; sdp: string }) {
    this.remote.push(`${type} ${sdp}`);
    if (type === 'offer') {
      for (const mid of sdp.split(' ').filter((word) => !word.includes('=')))
        if (!this.lines.some((line) => line.mid === mid)) {
          const line = this.addTransceiver('remote');
          line.mid = mid;
          line.receiver.track = `${this.number}/${mid}`;
        }
    }
  }

  move(state: string) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close = () => void (this.isClosed = true);
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

let connections: FakeConnection[];
let told: string[];
let states: PeerState[];
let heard: Record<string, Partial<Record<Medium, unknown>>>;
let refusals: unknown[];
let timers: { at: number; run: () => void; id: number }[];
let now: number;
let replies: Partial<Record<keyof PeerWire, () => Promise<string>>>;
let peer: Peer;

const connection = () => connections.at(-1)!;
async function pass(ms: number) {
  const until = now + ms;
  for (;;) {
    const next = timers.filter((one) => one.at <= until).sort((a, b) => a.at - b.at)[0];
    if (!next) break;
    timers = timers.filter((one) => one !== next);
    now = next.at;
    next.run();
    await settle();
  }
  now = until;
}

beforeEach(() => {
  connections = [];
  told = [];
  states = [];
  heard = {};
  refusals = [];
  timers = [];
  now = 0;
  replies = {};
  let ids = 0;
  peer = new Peer({
    wire: {
      connect: (sdp, lines) => {
        told.push(`connect ${sdp} ${lines.map(({ mid, medium }) => `${mid}=${medium}`).join()}`);
        return replies.connect?.() ?? Promise.resolve('yes');
      },
      restart: (sdp) => {
        told.push(`restart ${sdp}`);
        return replies.restart?.() ?? Promise.resolve('yes again');
      },
      answer: async (number, sdp) => {
        told.push(`answer ${number} ${sdp}`);
        await replies.answer?.();
      },
    },
    iceServers: [],
    policy: 'all',
    changed: (state) => states.push(state),
    heard: (tracks) => (heard = Object.fromEntries(tracks)),
    refused: (error) => refusals.push(error),
    environment: {
      connection: () => {
        const made = new FakeConnection(connections.length);
        connections.push(made);
        return made as unknown as RTCPeerConnection;
      },
      setTimeout: (run, ms) => {
        timers.push({ at: now + ms, run, id: ++ids });
        return ids;
      },
      clearTimeout: (id) => void (timers = timers.filter((one) => one.id !== id)),
    },
  });
});

async function up() {
  peer.connect();
  await settle();
  connection().move('connected');
}

describe('the first connection', () => {
  it('offers voice, camera and screen in this order and says which line is which', async () => {
    const track = { kind: 'audio' } as MediaStreamTrack;
    await peer.send('voice', track);
    peer.connect();
    await settle();
    expect(LINES).toEqual(['voice', 'camera', 'screen']);
    expect(told).toEqual(['connect offer 0=voice,1=camera,2=screen']);
    expect(connection().lines.map((line) => line.sender.track)).toEqual([track, null, null]);
    expect(connection().remote).toEqual(['answer yes']);
    connection().move('connected');
    expect(states).toEqual(['up']);
  });

  it('changes tracks without a negotiation and never stops a line', async () => {
    await up();
    const screen = { kind: 'video' } as MediaStreamTrack;
    await peer.send('screen', screen);
    expect(connection().lines[2]!.sender.track).toBe(screen);
    await peer.send('screen', null);
    expect(connection().lines).toHaveLength(3);
    expect(told).toHaveLength(1);
  });

  it('that is refused for good is not tried again', async () => {
    const error = Object.assign(new Error('forbidden'), { retryable: false });
    replies.connect = () => Promise.reject(error);
    peer.connect();
    await settle();
    expect(refusals).toEqual([error]);
    expect(peer.current).toBe('closed');
    await pass(60_000);
    expect(connections).toHaveLength(1);
  });

  it('that is refused for now is made anew, less and less often', async () => {
    replies.connect = () => Promise.reject(Object.assign(new Error('busy'), { retryable: true }));
    peer.connect();
    await settle();
    await pass(15_400);
    // 0, 0.5, 1, 2, 4, 4 and 4 s one after the other.
    expect(connections).toHaveLength(6);
    await pass(200);
    expect(connections).toHaveLength(7);
    replies.connect = undefined as never;
    await pass(4_000);
    connection().move('connected');
    expect(states.at(-1)).toBe('up');
    expect(connections.slice(0, -1).every((one) => one.isClosed)).toBe(true);
  });
});

describe('what the others send', () => {
  const legs: MediaLeg[] = [
    { mid: 'a', participant: 'pa_1', medium: 'voice' },
    { mid: 'b', participant: 'pa_1', medium: 'camera' },
    { mid: 'c', participant: 'pa_2', medium: 'screen' },
  ];

  it('is known by its line, whichever comes first: the offer or whose it is', async () => {
    await up();
    peer.carries(legs);
    expect(heard).toEqual({});
    peer.offered(4, 'a b c');
    await settle();
    expect(told.at(-1)).toBe('answer 4 answer');
    expect(heard).toEqual({ pa_1: { voice: '0/a', camera: '0/b' }, pa_2: { screen: '0/c' } });
    peer.carries(legs.slice(0, 1));
    expect(heard).toEqual({ pa_1: { voice: '0/a' } });
  });

  const answers = () => told.filter((one) => one.startsWith('answer'));

  it('is answered in turn', async () => {
    await up();
    peer.offered(6, 'a');
    peer.offered(7, 'a b');
    await settle();
    expect(answers()).toEqual(['answer 6 answer', 'answer 7 answer']);
  });

  it('an offer that crosses ours is void, unless it has overtaken the answer', async () => {
    await up();
    let answer = (_: string) => {};
    replies.restart = () => new Promise((resolve) => (answer = resolve));
    peer.mend();
    await settle();
    peer.offered(5, 'a a=ice-ufrag:old');
    peer.offered(6, 'a a=ice-ufrag:new');
    await settle();
    expect(answers()).toEqual([]);
    answer('yes a=ice-ufrag:new');
    await settle();
    expect(answers()).toEqual(['answer 6 answer']);
    expect(connection().remote.at(-1)).toBe('offer a a=ice-ufrag:new');
  });

  it('an answer that is refused is a reason to connect anew', async () => {
    await up();
    replies.answer = () => Promise.reject(new Error('stale'));
    peer.offered(6, 'a');
    await settle();
    expect(connections).toHaveLength(2);
    expect(refusals).toEqual([]);
  });
});

describe('a connection that is lost', () => {
  it('mends itself within a moment', async () => {
    await up();
    connection().move('disconnected');
    expect(states.at(-1)).toBe('interrupted');
    await pass(1_999);
    connection().move('connected');
    await pass(30_000);
    expect(connection().restarts).toBe(0);
    expect(states.at(-1)).toBe('up');
  });

  it('is mended after two seconds, and made anew when that does not help', async () => {
    await up();
    connection().move('disconnected');
    await pass(2_000);
    expect(connection().restarts).toBe(1);
    expect(told.at(-1)).toBe('restart offer again');
    await pass(7_999);
    expect(connections).toHaveLength(1);
    await pass(1);
    expect(connections).toHaveLength(2);
    expect(connections[0]!.isClosed).toBe(true);
    connection().move('connected');
    expect(states).toEqual(['up', 'interrupted', 'connecting', 'up']);
  });

  it('goes on when it came back, or was mended, before the browser missed anything', async () => {
    await up();
    peer.linked('interrupted');
    expect(states.at(-1)).toBe('interrupted');
    peer.linked('up');
    expect(states.at(-1)).toBe('up');
    await pass(30_000);
    expect(connection().restarts).toBe(0);

    peer.mend();
    await settle();
    expect(connection().restarts).toBe(1);
    expect(states.slice(-2)).toEqual(['interrupted', 'up']);
    await pass(30_000);
    expect(connections).toHaveLength(1);
  });

  it('is made anew when the server has forgotten it, with what was sent before', async () => {
    const track = { kind: 'video' } as MediaStreamTrack;
    await up();
    await peer.send('camera', track);
    peer.carries([{ mid: 'a', participant: 'pa_1', medium: 'voice' }]);
    peer.linked('over');
    await settle();
    // The first attempt after one that stood waits for nothing.
    expect(connections).toHaveLength(2);
    expect(connection().lines[1]!.sender.track).toBe(track);
    expect(heard).toEqual({});
  });

  it('is made anew also when the old one was closed in the middle of a description', async () => {
    peer.connect();
    // Browsers never settle what they were asked of a connection that is closed meanwhile.
    connection().setLocalDescription = () => new Promise(() => {});
    await settle();
    peer.linked('over');
    await pass(500);
    expect(connections.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect(told).toEqual(['connect offer 0=voice,1=camera,2=screen']);
  });

  it('says nothing any more once it is closed, and old ones never do', async () => {
    await up();
    const old = connection();
    const { onconnectionstatechange } = old;
    peer.linked('over');
    await settle();
    old.connectionState = 'failed';
    onconnectionstatechange?.call(old);
    expect(connections).toHaveLength(2);
    peer.close();
    peer.linked('over');
    peer.mend();
    await pass(60_000);
    expect(connections).toHaveLength(2);
    expect(states.at(-1)).toBe('closed');
  });
});

it('guesses why there is no way', () => {
  expect(noWay(['host'], false)).toBe('udp');
  expect(noWay(['host', 'srflx'], true)).toBe('relay');
  expect(noWay(['host', 'relay'], true)).toBe('unknown');
});
